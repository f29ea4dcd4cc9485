//! The stages of a job, as it is created and as it is shown.

use serde::{Deserialize, Serialize};

use super::percent::Percent;

/// A part of the devices that goes before the rest. Durations are seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// Of all devices, together with the stages before.
    pub(crate) share: Percent,
    /// How long the job rests once the stage has passed.
    pub(crate) soak: u32,
    /// How many of its devices must succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pass: Option<Percent>,
}
