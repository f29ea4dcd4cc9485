//! Hints of the gateway, which speak of its REST, in the words of this program.

/// What the gateway calls it, and what a person types here. What begins like another comes before it.
const COMMANDS: [(&str, &str); 16] = [
    ("POST /api/v1/products/{product}/devices", "`ota device add`"),
    ("GET /api/v1/products/{product}/devices", "`ota device list`"),
    ("PUT /api/v1/products/{product}/firmware/{version}", "`ota firmware push`"),
    ("POST /api/v1/products", "`ota product add`"),
    ("GET /api/v1/jobs/{job}/explain/{device}", "`ota job explain`"),
    ("GET /api/v1/jobs/{job}", "`ota job show`"),
    ("PATCH /api/v1/jobs/{job}", "`ota job amend`"),
    ("GET /api/v1/jobs", "`ota job list`"),
    ("DELETE /api/v1/hooks/{hook}", "`ota hook remove`"),
    ("GET /api/v1/hooks", "`ota hook list`"),
    ("a job of kind verify", "a job with --verify"),
    ("the call with exposed ", "the command with --exposed "),
    ("set its java_sdk to false", "`ota product set PK --java-sdk false` lifts it"),
    ("what is signed is said in the README", "`ota firmware sign --help` says what is signed"),
    ("via=gateway", "--via gateway"),
    ("loss_budget or max_failure_rate", "--loss-budget or --max-failure-rate"),
];

/// `hint` with each call of the REST replaced by the command that makes it.
pub(super) fn in_commands(hint: &str) -> String {
    COMMANDS.iter().fold(hint.to_owned(), |hint, (call, command)| hint.replace(call, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_commands_instead_of_calls() {
        for (hint, told) in [
            ("register it with POST /api/v1/products/{product}/devices", "register it with `ota device add`"),
            ("register it with POST /api/v1/products", "register it with `ota product add`"),
            ("GET /api/v1/jobs/{job} shows its state", "`ota job show` shows its state"),
            ("then repeat the call with exposed 21", "then repeat the command with --exposed 21"),
            ("choose another", "choose another"),
        ] {
            assert_eq!(in_commands(hint), told);
        }
    }

    #[test]
    fn no_call_hides_a_longer_one_behind_it() {
        for (place, (call, _)) in COMMANDS.iter().enumerate() {
            let later = COMMANDS.iter().skip(place + 1);
            assert!(later.clone().all(|(later, _)| !later.starts_with(call)), "{call}");
        }
    }
}
