//! Why a task failed, in words that the console, the CLI and the ledger share.

use std::fmt;

/// Why an attempt ended without the target version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Step −1: the device could not install.
    Upgrade,
    /// Step −2: the device could not download.
    Download,
    /// Step −3: what the device received did not match its digest.
    Verification,
    /// Step −4: the device could not write the image.
    Burning,
    /// Step −5: the device ignored the command.
    Ignored,
    /// A step below −5: the device's own code.
    Device(i32),
    /// The device came back on the version that it left.
    Rollback,
    /// The device came back on a version that nobody asked for.
    WrongVersion,
    /// The device left the target again within 24 hours.
    Reverted,
    /// The device was silent for too long.
    TimedOut,
}

impl Reason {
    /// The reason that a negative step gives (PROTOCOL §2.8); zero and above are no failure.
    pub fn from_step(step: i32) -> Option<Self> {
        match step {
            0.. => None,
            -1 => Some(Self::Upgrade),
            -2 => Some(Self::Download),
            -3 => Some(Self::Verification),
            -4 => Some(Self::Burning),
            -5 => Some(Self::Ignored),
            own => Some(Self::Device(own)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgrade => f.write_str("upgrade_failed"),
            Self::Download => f.write_str("download_failed"),
            Self::Verification => f.write_str("verification_failed"),
            Self::Burning => f.write_str("burning_failed"),
            Self::Ignored => f.write_str("ignored"),
            Self::Device(code) => write!(f, "device_code_{code}"),
            Self::Rollback => f.write_str("rollback"),
            Self::WrongVersion => f.write_str("wrong_version"),
            Self::Reverted => f.write_str("reverted"),
            Self::TimedOut => f.write_str("timed_out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_negative_step_has_its_reason_and_others_have_none() {
        let reasons = [0, 100, -1, -2, -3, -4, -5, -6, i32::MIN].map(Reason::from_step);
        assert_eq!(
            reasons.map(|r| r.map_or("none".to_owned(), |r| r.to_string())),
            [
                "none",
                "none",
                "upgrade_failed",
                "download_failed",
                "verification_failed",
                "burning_failed",
                "ignored",
                "device_code_-6",
                "device_code_-2147483648"
            ]
        );
    }
}
