//! The two streams: data goes to stdout, everything said to a person goes to stderr.
//! A reader that closes stdout early (`ota job list | head`) is no failure.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::failure::{Failure, Kind};

/// Where a command puts its result, and whether as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether stdout carries JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints the result: `json` as it is on one line, or what `human` makes of it.
    pub(crate) fn result(self, json: &str, human: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { print(json) } else { print(&human()) }
    }
}

/// Says `text` to the person: stderr.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told when stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints `text` to stdout, ended by exactly one line break.
fn print(text: &str) -> Result<(), Failure> {
    let text = text.trim_end_matches('\n');
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Kind::Local,
            format!("cannot write to stdout: {error}"),
            "is the disk full? what was asked for is done",
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// `text` with control characters escaped: what a device wrote must not command the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        if c.is_control() || is_direction_mark(c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
        safe
    })
}

/// The marks that reorder what stands around them on a terminal.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_are_shown_not_obeyed() {
        assert_eq!(printable("ok \u{1b}[2J\r\nerased"), "ok \\u{1b}[2J\\u{d}\\u{a}erased");
        assert_eq!(printable("v\u{202e}0.2"), "v\\u{202e}0.2");
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        assert_eq!(printable("固件 v2 – größer"), "固件 v2 – größer");
    }
}
