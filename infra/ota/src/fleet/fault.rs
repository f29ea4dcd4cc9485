//! What may go wrong with a device's upgrade, in the words of the command line.

use std::fmt;
use std::str::FromStr;

/// One way to fail, or to make it hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It has the firmware, and is never heard again.
    Brick,
    /// It installs, does not come up, and goes back to the version it had.
    Rollback,
    /// A byte flips between the network and the check: the digest does not match.
    BadDigest,
    /// It gives up half-way through the download.
    DownloadFail,
    /// It comes back on a version that nobody asked for.
    WrongVersion,
    /// It takes the command and does nothing about it.
    Ignores,
    /// It answers the command with step −5.
    Refuses,
    /// Download and MQTT session break off half-way; it comes back and fetches the rest.
    Flap,
    /// It downloads through a very thin line.
    Slow,
    /// It flashes bytes that it kept, without a download.
    Cached,
}

impl Fault {
    /// All of them, in the order in which they are listed.
    pub(crate) const ALL: [Self; 10] = [
        Self::Brick,
        Self::Rollback,
        Self::BadDigest,
        Self::DownloadFail,
        Self::WrongVersion,
        Self::Ignores,
        Self::Refuses,
        Self::Flap,
        Self::Slow,
        Self::Cached,
    ];

    /// Its name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Brick => "brick",
            Self::Rollback => "rollback",
            Self::BadDigest => "bad-digest",
            Self::DownloadFail => "download-fail",
            Self::Flap => "flap",
            Self::Slow => "slow",
            Self::WrongVersion => "wrong-version",
            Self::Ignores => "ignores",
            Self::Refuses => "refuses",
            Self::Cached => "cached",
        }
    }

    /// What a device with it did.
    pub(crate) fn deed(self) -> &'static str {
        match self {
            Self::Brick => "fell silent after its download",
            Self::Rollback => "did not come up and went back",
            Self::BadDigest => "flipped a byte of its download",
            Self::DownloadFail => "gave up half-way through its download",
            Self::Flap => "lost its connections half-way and fetched the rest",
            Self::Slow => "downloaded through a thin line",
            Self::WrongVersion => "came back on another version",
            Self::Ignores => "did nothing about the command",
            Self::Refuses => "refused the command",
            Self::Cached => "flashed bytes that it had kept",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|fault| fault.word() == text).ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("there is no fault `{text}`; there are {words}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_listed_once_and_read_from_its_word() {
        for fault in Fault::ALL {
            assert_eq!(fault.word().parse(), Ok(fault));
        }
        let words: std::collections::BTreeSet<_> = Fault::ALL.map(Fault::word).into();
        assert_eq!(words.len(), Fault::ALL.len());
    }

    #[test]
    fn an_unknown_fault_is_answered_with_those_that_there_are() {
        let refused = Fault::from_str("bricks").unwrap_err();
        assert!(refused.contains("`bricks`") && refused.contains("brick, rollback"), "{refused}");
    }
}
