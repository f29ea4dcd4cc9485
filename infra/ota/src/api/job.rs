//! `/api/v1/jobs`: jobs as they stand, and what people do to them.

use ota_protocol::key::ProductKey;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, PAGE, segment};
use super::percent::Percent;
use super::stage::Stage;
use super::terms::{Retry, Terms};
use crate::failure::Failure;

/// A job and its counts. Durations are seconds, times ms since 1970.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    #[serde(rename = "job")]
    pub(crate) id: String,
    pub(crate) product: String,
    /// The version it moves devices to.
    pub(crate) to: String,
    /// `upgrade` or `verify`.
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) mode: String,
    /// `snapshot` or `incremental`.
    #[serde(default)]
    pub(crate) policy: String,
    #[serde(default)]
    pub(crate) downgrade: bool,
    /// preparing, running, held, paused, stopped or done.
    pub(crate) state: String,
    /// Whether its stop cuts downloads under way.
    #[serde(default)]
    pub(crate) hard: bool,
    pub(crate) held_because: Option<String>,
    pub(crate) devices: u64,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) canceled: u64,
    pub(crate) skipped: u64,
    /// Those of the waiting that were tried and are tried again.
    #[serde(default)]
    pub(crate) retrying: u64,
    pub(crate) exposed: u64,
    #[serde(default)]
    pub(crate) forgiven: Forgiven,
    pub(crate) loss_budget: u64,
    /// Per mille: how much the bound grows for each device that came back.
    pub(crate) growth: u64,
    /// `loss_budget` + ⌊`growth` × `succeeded` ÷ 1000⌋: the most that may be exposed now.
    pub(crate) bound: u64,
    #[serde(default = "all")]
    pub(crate) max_failure_rate: Percent,
    pub(crate) max_in_flight: u64,
    /// 0 is no limit.
    #[serde(default)]
    pub(crate) per_minute: u64,
    #[serde(default)]
    pub(crate) retry: Option<Retry>,
    pub(crate) first_sign_within: u64,
    pub(crate) upgrade_timeout: u64,
    pub(crate) confirm_within: u64,
    #[serde(flatten)]
    pub(crate) named: Named,
    #[serde(default)]
    pub(crate) stage: Option<OpenStage>,
    #[serde(default)]
    pub(crate) zone: Option<String>,
    #[serde(default)]
    pub(crate) windows: Vec<String>,
    /// When it may grant next; `None` when it may now.
    #[serde(default)]
    pub(crate) opens_at: Option<i64>,
    pub(crate) created_at: i64,
}

/// The gate of a gateway that says nothing of one never shuts.
fn all() -> Percent {
    Percent::ALL
}

/// What had finished when the job was resumed after its losses had held it: its gate no longer counts that.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Forgiven {
    pub(crate) lost: u64,
    pub(crate) succeeded: u64,
}

/// What a job names one by one; a list of jobs leaves it out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    /// Source versions; empty for all, as each of these.
    pub(crate) from: Vec<String>,
    pub(crate) tags: Vec<String>,
    #[serde(rename = "named")]
    pub(crate) devices: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) canary: Vec<String>,
    /// Seconds.
    pub(crate) canary_soak: u64,
    pub(crate) stages: Vec<Stage>,
}

/// The stage that is open, when there are more than one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OpenStage {
    /// Its number, from 0.
    pub(crate) open: u64,
    pub(crate) last: u64,
    pub(crate) members: u64,
    pub(crate) succeeded: u64,
    pub(crate) ended: u64,
    /// Since when it soaks.
    pub(crate) passed_at: Option<i64>,
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
            "held" | "paused" | "stopped" => self.in_flight == 0,
            _ => false,
        }
    }

    /// Whether it is done and every device that took part is on the new version.
    pub(crate) fn is_clean(&self) -> bool {
        self.state == "done" && self.failed == 0 && self.timed_out == 0
    }

    /// Whether a person can let it go on.
    pub(crate) fn may_resume(&self) -> bool {
        matches!(self.state.as_str(), "held" | "paused" | "stopped")
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
    /// The older ones were created before this moment; `None` when there are none.
    #[serde(default)]
    pub(crate) next: Option<i64>,
}

#[derive(Serialize)]
struct Stop {
    hard: bool,
}

#[derive(Serialize)]
struct Nothing {}

impl Client {
    /// The newest jobs, of all products or of one, created before the moment `before` (ms) when it is given.
    pub(crate) fn jobs(
        &self,
        product: Option<&ProductKey>,
        before: Option<i64>,
    ) -> Result<Answer<Jobs>, Failure> {
        let product = product.map_or_else(String::new, |key| format!("&product={}", segment(key.as_str())));
        let before = before.map_or_else(String::new, |moment| format!("&before={moment}"));
        self.fetch(&format!("/api/v1/jobs?limit={PAGE}{product}{before}"))
    }

    pub(crate) fn job(&self, job: &str) -> Result<Answer<Job>, Failure> {
        self.fetch(&path(job))
    }

    /// Stops the job: once this answers, no device begins to download. A hard stop cuts downloads under way, too.
    pub(crate) fn stop_job(&self, job: &str, hard: bool) -> Result<Answer<Job>, Failure> {
        let path = format!("{}/stop", path(job));
        if hard { self.send(&path, &Stop { hard }) } else { self.send(&path, &Nothing {}) }
    }

    pub(crate) fn pause_job(&self, job: &str) -> Result<Answer<Job>, Failure> {
        self.send(&format!("{}/pause", path(job)), &Nothing {})
    }

    pub(crate) fn resume_job(&self, job: &str) -> Result<Answer<Job>, Failure> {
        self.send(&format!("{}/resume", path(job)), &Nothing {})
    }

    /// Changes those terms that are given.
    pub(crate) fn amend_job(&self, job: &str, terms: &Terms) -> Result<Answer<Job>, Failure> {
        self.change(&path(job), terms)
    }

    pub(crate) fn delete_job(&self, job: &str) -> Result<(), Failure> {
        self.remove(&path(job))
    }
}

fn path(job: &str) -> String {
    format!("/api/v1/jobs/{}", segment(job))
}
