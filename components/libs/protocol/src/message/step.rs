//! The `step` of a progress report: a percentage, or the reason of a failure.

use std::fmt;

use thiserror::Error;

/// 0–100 is progress and may go down; a negative step is a failure (§2 rule 8).
///
/// ```
/// use ota_protocol::message::Step;
/// assert_eq!(Step::new(80)?.as_i32(), 80);
/// assert!(Step::new(-1)?.is_failure());
/// assert!(Step::new(101).is_err());
/// # Ok::<(), ota_protocol::message::StepError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(i32);

impl Step {
    /// The upgrade failed.
    pub const UPGRADE_FAILED: Self = Self(-1);
    /// The download failed.
    pub const DOWNLOAD_FAILED: Self = Self(-2);
    /// The digest of what was downloaded was wrong.
    pub const VERIFICATION_FAILED: Self = Self(-3);
    /// Writing it to flash failed.
    pub const BURNING_FAILED: Self = Self(-4);
    /// The device ignored the upgrade (a constant of the SDKs, not on the vendor's page).
    pub const IGNORED: Self = Self(-5);

    /// −2³¹ to 100.
    pub fn new(step: i64) -> Result<Self, StepError> {
        i32::try_from(step).ok().filter(|step| *step <= 100).map(Self).ok_or(StepError(step))
    }

    /// The number itself.
    pub fn as_i32(self) -> i32 {
        self.0
    }

    /// Whether the device gave up. Below [`Step::IGNORED`] the number is the device's own code.
    pub fn is_failure(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("step is {0}, -2147483648 to 100 are allowed")]
pub struct StepError(pub i64);
