//! `/api/v1/jobs`.

use clap::ValueEnum;
use ota_protocol::key::ProductKey;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, PAGE, segment};
use crate::failure::Failure;

/// A job and its counts. Durations are seconds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    #[serde(rename = "job")]
    pub(crate) id: String,
    pub(crate) product: String,
    /// The version it moves devices to.
    pub(crate) to: String,
    pub(crate) mode: String,
    /// running, held, stopped or done.
    pub(crate) state: String,
    pub(crate) held_because: Option<String>,
    pub(crate) devices: u64,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) canceled: u64,
    pub(crate) skipped: u64,
    pub(crate) exposed: u64,
    pub(crate) loss_budget: u64,
    /// Per mille: how much the bound grows for each device that came back.
    pub(crate) growth: u64,
    /// `loss_budget` + ⌊`growth` × `succeeded` ÷ 1000⌋: the most that may be exposed now.
    pub(crate) bound: u64,
    pub(crate) max_in_flight: u64,
    pub(crate) first_sign_within: u64,
    pub(crate) upgrade_timeout: u64,
    pub(crate) confirm_within: u64,
}

impl Job {
    /// Devices with a verdict, or without need of one.
    pub(crate) fn finished(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.canceled + self.skipped
    }

    /// Exposed devices that are not at work any more: gone, as far as anyone knows.
    pub(crate) fn lost(&self) -> u64 {
        self.exposed.saturating_sub(self.in_flight)
    }

    /// Whether nothing more will happen to its counts unless a person acts.
    pub(crate) fn is_over(&self) -> bool {
        match self.state.as_str() {
            "done" => true,
            "held" | "stopped" => self.in_flight == 0,
            _ => false,
        }
    }

    /// Whether it is done and every device that took part is on the new version.
    pub(crate) fn is_clean(&self) -> bool {
        self.state == "done" && self.failed == 0 && self.timed_out == 0
    }

    /// The one figure to watch: `exposed 7 of 10`.
    pub(crate) fn budget(&self) -> String {
        format!("exposed {} of {}", self.exposed, self.bound)
    }
}

/// Jobs, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Jobs {
    pub(crate) jobs: Vec<Job>,
}

/// Who starts an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// The gateway tells each device.
    Push,
    /// Each device asks when it likes.
    Request,
}

/// A job to create; what is `None` or empty is left to the gateway. Durations are seconds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct NewJob {
    pub(crate) product: String,
    pub(crate) to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) devices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loss_budget: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) growth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_sign_within: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upgrade_timeout: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirm_within: Option<u32>,
}

#[derive(Serialize)]
struct Nothing {}

impl Client {
    pub(crate) fn create_job(&self, job: &NewJob) -> Result<Answer<Job>, Failure> {
        self.send("/api/v1/jobs", job)
    }

    /// The newest jobs, of all products or of one.
    pub(crate) fn jobs(&self, product: Option<&ProductKey>) -> Result<Answer<Jobs>, Failure> {
        match product {
            Some(product) => {
                let product = segment(product.as_str());
                self.fetch(&format!("/api/v1/jobs?limit={PAGE}&product={product}"))
            }
            None => self.fetch(&format!("/api/v1/jobs?limit={PAGE}")),
        }
    }

    pub(crate) fn job(&self, job: &str) -> Result<Answer<Job>, Failure> {
        self.fetch(&format!("/api/v1/jobs/{}", segment(job)))
    }

    /// Stops the job: once this answers, no device begins to download.
    pub(crate) fn stop_job(&self, job: &str) -> Result<Answer<Job>, Failure> {
        self.send(&format!("/api/v1/jobs/{}/stop", segment(job)), &Nothing {})
    }
}
