//! Why a command failed, in the form that people and scripts get it: one line, one hint, one exit code.
//! The only place that knows the exit codes; `ota --help` prints the same table.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// The exit codes, as `--help` prints them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server refused the call or failed
  2  the command line is wrong
  3  the server is not reachable
  4  a watched job was held or stopped, or devices failed or timed out in it;
     a simulated device ended otherwise than its part says
  5  something on this machine is missing or in the way (a file, a port, a tool)
  6  more devices were exposed than the loss budget allows
  7  the run was not over in its time
  130  interrupted";

/// What kind of failure it is: decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server answered, and refused or failed.
    Refused,
    /// The call cannot be made as asked.
    Usage,
    /// No answer came.
    Unreachable,
    /// The job ended otherwise than with every device on the new version.
    JobNotClean,
    /// A file, a port or a tool of this machine.
    Local,
    /// The promise of the loss budget was broken.
    BudgetBroken,
    /// It took longer than it was given.
    OutOfTime,
    /// The user stopped the command before it was done.
    Interrupted,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::JobNotClean => 4,
            Self::Local => 5,
            Self::BudgetBroken => 6,
            Self::OutOfTime => 7,
            Self::Interrupted => 130,
        }
    }
}

/// A failed command: what happened, and what to do about it.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hint: String,
    /// What the server calls it.
    code: Option<String>,
    /// That asking again may help, after this time at the least.
    passes: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into(), code: None, passes: None }
    }

    /// The same as one that may pass: asking again may help, after `pause` at the least.
    #[must_use]
    pub(crate) fn passing(self, pause: Duration) -> Self {
        Self { passes: Some(pause), ..self }
    }

    /// The same, of which the server says `code`.
    #[must_use]
    pub(crate) fn coded(self, code: Option<String>) -> Self {
        Self { code, ..self }
    }

    /// The same with more to say of it.
    #[must_use]
    pub(crate) fn after(self, more: &str, hint: impl Into<String>) -> Self {
        Self { message: format!("{}; {more}", self.message), hint: hint.into(), ..self }
    }

    /// A failure of this machine with its whole chain of causes.
    pub(crate) fn local(cause: &anyhow::Error, hint: impl Into<String>) -> Self {
        Self::new(Kind::Local, format!("{cause:#}"), hint)
    }

    /// What happened, without what to do about it.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the server calls it, where it has a word for it.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// After which time asking again may help; `None` if it does not.
    pub(crate) fn passes(&self) -> Option<Duration> {
        self.passes
    }

    /// Whether no answer came at all.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

/// The lines for stderr: `error: …`, then `hint: …`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhint: {}", self.message, self.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_exit_code() {
        let kinds = [
            Kind::Refused,
            Kind::Usage,
            Kind::Unreachable,
            Kind::JobNotClean,
            Kind::Local,
            Kind::BudgetBroken,
            Kind::OutOfTime,
            Kind::Interrupted,
        ];
        for kind in kinds {
            let start = format!("\n  {}  ", kind.code());
            assert!(EXIT_CODES.contains(&start), "{kind:?} is not documented");
        }
    }

    #[test]
    fn the_hint_is_the_last_line() {
        let failure = Failure::new(Kind::Local, "port 3000 is taken", "use --http 127.0.0.1:0");
        assert_eq!(failure.to_string(), "error: port 3000 is taken\nhint: use --http 127.0.0.1:0");
    }
}
