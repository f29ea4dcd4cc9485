//! The linter `REDbot`: it asks in many ways and says what is good, and what is not, in the answers.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ota_it::venv;
use serde_json::Value;

use crate::case::{Case, Verdict};

/// What it says against an answer that is as it should be, and why it should.
const KNOWN: [(&str, &str); 1] = [(
    "CC_CONFLICTING",
    "`no-store` is for those that know it, `private` beside it for shared caches that do not.",
)];

/// One thing that it found.
struct Note {
    id: String,
    level: String,
    summary: String,
}

pub(crate) fn judge(case: &Case) -> Result<Verdict> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let program = venv::programs("redbot", &requirements).join("redbot");
    let program = program.to_str().context("a path that is no text")?;
    let said = case.run(program, &["-o", "har", "URL"])?;
    let har: Value = serde_json::from_str(&said).with_context(|| format!("no HAR: {said}"))?;
    let mut notes = har.pointer("/log/entries/0/_red_messages").map(notes).unwrap_or_default();
    // It asks in several ways at once.
    notes.sort_by(|a, b| a.id.cmp(&b.id));
    ensure!(!notes.is_empty(), "it found nothing: {said}");
    let against: Vec<&Note> = notes.iter().filter(|note| note.is_against()).collect();
    let unknown: Vec<String> =
        against.iter().filter(|note| note.reason().is_none()).map(|note| note.line()).collect();
    ensure!(unknown.is_empty(), "{}", unknown.join("; "));
    let good = notes.iter().filter(|note| note.level == "GOOD").count();
    let lines: Vec<String> = notes.iter().map(Note::line).collect();
    let reasons: Vec<String> = KNOWN.iter().map(|(id, why)| format!("\n`{id}`: {why}\n")).collect();
    Ok(Verdict {
        judge: format!(
            "REDbot {}",
            har.pointer("/log/creator/version").and_then(Value::as_str).unwrap_or_default()
        ),
        found: format!("{good} good, none bad; {} to be warned of, for the reason below", against.len()),
        command: "redbot URL".to_owned(),
        said: lines.join("\n"),
        after: reasons.join(""),
    })
}

/// The notes and what is said under them.
fn notes(messages: &Value) -> Vec<Note> {
    let text = |message: &Value, name: &str| {
        message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut found = Vec::new();
    for message in messages.as_array().into_iter().flatten() {
        found.push(Note {
            id: text(message, "note_id"),
            level: text(message, "level"),
            summary: text(message, "summary"),
        });
        found.extend(message.get("subnotes").map(notes).unwrap_or_default());
    }
    found
}

impl Note {
    fn is_against(&self) -> bool {
        ["BAD", "WARN"].contains(&self.level.as_str())
    }

    /// Why it is no fault.
    fn reason(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(id, _)| *id == self.id).map(|(_, why)| *why)
    }

    fn line(&self) -> String {
        format!("{:5} {:32} {}", self.level, self.id, self.summary)
    }
}
