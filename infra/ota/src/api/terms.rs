//! The terms of a job: what may be set when it is created, and amended while it lives.

use serde::{Deserialize, Serialize};

use super::percent::Percent;

/// What is `None` is left to the gateway, or as it is. Durations are seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Terms {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loss_budget: Option<u32>,
    /// Per mille.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) growth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_failure_rate: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_in_flight: Option<u32>,
    /// 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<NewRetry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_sign_within: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upgrade_timeout: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirm_within: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reachable_within: Option<u32>,
}

/// A retry policy, as far as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct NewRetry {
    /// Tries in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u32>,
    /// Seconds before the second try; each further wait is twice as long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backoff: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
}

/// The retry policy of a job.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Retry {
    pub(crate) attempts: u64,
    /// Seconds.
    pub(crate) backoff: u64,
    pub(crate) reasons: Vec<String>,
}
