//! A job to create, or to try out: `POST /api/v1/jobs`.

use clap::ValueEnum;
use http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client};
use super::job::Job;
use super::stage::Stage;
use super::terms::Terms;
use crate::failure::Failure;

/// Who starts an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// The gateway tells each device.
    Push,
    /// Each device asks when it likes.
    Request,
}

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Tries a firmware on a few devices.
    Verify,
}

/// Which devices a job takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// Those that come later, too.
    Incremental,
}

/// A job to create; what is `None` or empty is left to the gateway. Durations are seconds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct NewJob {
    pub(crate) product: String,
    pub(crate) to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Policy>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) downgrade: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) devices: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclude: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) canary: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) canary_soak: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<Stage>,
    #[serde(flatten)]
    pub(crate) terms: Terms,
    /// Ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starts_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) windows: Vec<String>,
    /// How many devices the firmware has exposed in other jobs, as far as the caller knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exposed: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a job would do.
#[derive(Debug, Deserialize)]
pub(crate) struct DryRun {
    /// Those in its scope.
    pub(crate) devices: u64,
    /// Those of them that it has something to tell.
    pub(crate) waiting: u64,
    /// Those of them that could be told now.
    pub(crate) reachable_now: u64,
    pub(crate) refused: Vec<RefusedDevices>,
    /// The first in the order in which they would be granted; none of a job that devices ask.
    pub(crate) first: Vec<String>,
    pub(crate) stages: Vec<StageSize>,
    pub(crate) bound_at_start: u64,
    /// When it would first grant (ms since 1970); `None` when at once.
    pub(crate) opens_at: Option<i64>,
    pub(crate) estimate: Estimate,
    pub(crate) per_device_ms: u64,
    pub(crate) based_on: String,
}

/// Devices that a job could not tell now, for one reason.
#[derive(Debug, Deserialize)]
pub(crate) struct RefusedDevices {
    pub(crate) why: String,
    pub(crate) devices: u64,
    /// Some of them.
    pub(crate) examples: Vec<String>,
}

/// How many devices a stage has.
#[derive(Debug, Deserialize)]
pub(crate) struct StageSize {
    pub(crate) stage: u64,
    pub(crate) devices: u64,
}

/// How long until so many devices are on the target, in ms; `None` when the job has fewer.
#[derive(Debug, Deserialize)]
pub(crate) struct Estimate {
    #[serde(rename = "1000")]
    pub(crate) thousand: Option<u64>,
    #[serde(rename = "10000")]
    pub(crate) ten_thousand: Option<u64>,
    #[serde(rename = "100000")]
    pub(crate) hundred_thousand: Option<u64>,
    pub(crate) all: Option<u64>,
}

impl Client {
    pub(crate) fn create_job(&self, job: &NewJob) -> Result<Answer<Job>, Failure> {
        self.send("/api/v1/jobs", job)
    }

    /// The job under this key; it is created when there is none.
    pub(crate) fn create_job_once(&self, job: &NewJob, key: &HeaderValue) -> Result<Answer<Job>, Failure> {
        self.send_under("/api/v1/jobs", job, key)
    }

    /// What the job would do; it is not created.
    pub(crate) fn dry_run(&self, job: &NewJob) -> Result<Answer<DryRun>, Failure> {
        self.send("/api/v1/jobs?dry_run=true", job)
    }
}
