//! What the gateway must make of a device, given what goes wrong with it.

use crate::fleet::Fault;

/// How a device's task must end once the device was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It comes back on the new version.
    Succeeds,
    /// It says that it failed, or comes back on another version.
    Fails,
    /// It is not heard again in time.
    TimesOut,
}

impl Fate {
    /// The fate of a device with this fault, or of a sound one.
    pub(crate) fn of(fault: Option<Fault>) -> Self {
        match fault {
            None | Some(Fault::Flap | Fault::Slow | Fault::Cached) => Self::Succeeds,
            Some(Fault::Brick | Fault::Ignores) => Self::TimesOut,
            Some(
                Fault::Rollback
                | Fault::BadDigest
                | Fault::DownloadFail
                | Fault::WrongVersion
                | Fault::Refuses,
            ) => Self::Fails,
        }
    }

    /// Whether a task in this state has come to it. A device that flashed bytes that it kept after its grant had
    /// lapsed is skipped: it is where it should be, and nobody let it.
    pub(crate) fn is_met(self, state: &str) -> bool {
        state == self.state() || (self == Self::Succeeds && state == "skipped")
    }

    /// The state of its task.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Self::Succeeds => "succeeded",
            Self::Fails => "failed",
            Self::TimesOut => "timed_out",
        }
    }
}
