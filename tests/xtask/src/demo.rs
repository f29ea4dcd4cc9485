//! One run of `ota demo --json`: it ends well, and what it says of itself adds up.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process;
use crate::steps::Done;
use crate::workspace::Workspace;

/// Runs the demo with the program that was built for the tests, over the components that are built already.
pub(crate) fn run(workspace: &Workspace, ota: &Path) -> Result<Done> {
    let mut program = process::program(ota, workspace.root());
    let output = process::read(program.args(["demo", "--json", "--no-build"]))?;
    check(&output).map(Done::passed)
}

/// A sentence on what happened, when everyone is accounted for and the budget held.
fn check(output: &str) -> Result<String> {
    let line = output.lines().last().context("the demo printed nothing")?;
    let job: Value =
        serde_json::from_str(line).with_context(|| format!("the last line is no JSON: {line}"))?;
    let number = |name: &str| {
        job.get(name).and_then(Value::as_u64).with_context(|| format!("{name} is no count in {line}"))
    };
    let (devices, succeeded) = (number("devices")?, number("succeeded")?);
    let lost = number("failed")? + number("timed_out")?;
    let (exposed, bound) = (number("exposed")?, number("bound")?);
    ensure!(succeeded + lost == devices, "{succeeded} succeeded and {lost} were lost, of {devices}");
    ensure!(succeeded > 0 && lost > 0, "the demo shows devices that come back and devices that do not");
    ensure!(exposed <= bound, "{exposed} devices were exposed, the bound is {bound}");
    let seconds = job
        .get("seconds")
        .and_then(Value::as_f64)
        .with_context(|| format!("seconds is no number in {line}"))?;
    Ok(format!("{succeeded} of {devices} devices came back, {exposed} exposed of {bound}, {seconds} s"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome() -> Value {
        json!({
            "devices": 20, "succeeded": 17, "failed": 2, "timed_out": 1, "exposed": 3, "bound": 11, "seconds": 9.5,
        })
    }

    #[test]
    fn the_last_line_adds_up() {
        let said = check(&format!("building\n{}\n", outcome())).unwrap();
        assert_eq!(said, "17 of 20 devices came back, 3 exposed of 11, 9.5 s");
    }

    #[test]
    fn what_does_not_add_up_is_a_failure() {
        for (field, value) in [
            ("succeeded", json!(16)),
            ("exposed", json!(12)),
            ("devices", json!("20")),
            ("timed_out", json!(-1)),
            ("seconds", Value::Null),
        ] {
            let mut outcome = outcome();
            outcome[field] = value;
            assert!(check(&outcome.to_string()).is_err(), "{field}");
        }
        assert!(check("").is_err());
        assert!(check("done").is_err());
    }
}
