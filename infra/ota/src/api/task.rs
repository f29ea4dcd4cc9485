//! A task: one device in one job, and `/api/v1/jobs/{id}/tasks`.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// How many devices one call may name.
const MOST_NAMED: usize = 1000;

/// One device in one job.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Task {
    #[serde(rename = "task")]
    pub(crate) id: String,
    pub(crate) device: String,
    /// `waiting`, `granted`, `downloading`, `upgrading`, `succeeded`, `failed`, `timed_out`, `canceled`, `skipped`.
    pub(crate) state: String,
    /// The last step that the device reported.
    pub(crate) step: Option<i64>,
    /// Why it failed, as one word of the gateway.
    pub(crate) reason: Option<String>,
    /// What the device wrote beside its step.
    pub(crate) detail: Option<String>,
    pub(crate) attempt: i64,
    /// The version that it left.
    pub(crate) from: Option<String>,
    pub(crate) exposed: bool,
}

impl Task {
    /// How it stands and for what reason: `timed out`, `failed: verification failed`.
    pub(crate) fn how(&self) -> String {
        let state = self.state.replace('_', " ");
        match &self.reason {
            Some(reason) if *reason != self.state => format!("{state}: {}", reason.replace('_', " ")),
            Some(_) | None => state,
        }
    }

    /// Why it stands where it stands, in words: `verification failed: digest is 5f…`.
    pub(crate) fn why(&self) -> String {
        let reason = self.reason.as_deref().filter(|reason| *reason != self.state);
        let reason = reason.unwrap_or_default().replace('_', " ");
        match self.detail.as_deref().filter(|detail| !detail.is_empty()) {
            Some(detail) if reason.is_empty() => detail.to_owned(),
            Some(detail) => format!("{reason}: {detail}"),
            None => reason,
        }
    }
}

/// Where a task may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum TaskState {
    Waiting,
    Granted,
    Downloading,
    Upgrading,
    Succeeded,
    Failed,
    TimedOut,
    Canceled,
    Skipped,
}

impl TaskState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Downloading => "downloading",
            Self::Upgrading => "upgrading",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }
}

/// What is done to tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Takes the devices out of the job.
    Cancel,
    /// Gives them another try.
    Retry,
}

impl Deed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }
}

/// Which tasks changed, and which did not.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) changed: Vec<String>,
    pub(crate) refused: Vec<RefusedTask>,
}

/// A task that stays as it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RefusedTask {
    pub(crate) device: String,
    pub(crate) why: String,
}

#[derive(Serialize)]
struct Named<'a> {
    devices: &'a [String],
}

impl Client {
    /// Every task of the job, or those in one state.
    pub(crate) fn tasks(&self, job: &str, state: Option<TaskState>) -> Result<Answer<Vec<Task>>, Failure> {
        let state = state.map_or_else(String::new, |state| format!("?state={}", state.as_str()));
        self.fetch_all(&format!("{}{state}", path(job)), "tasks")
    }

    /// Does it to the tasks of these devices, in as many calls as that takes.
    pub(crate) fn change_tasks(
        &self,
        job: &str,
        deed: Deed,
        devices: &[String],
    ) -> Result<Answer<Changed>, Failure> {
        let path = format!("{}/{}", path(job), deed.as_str());
        let mut all = Changed::default();
        for devices in devices.chunks(MOST_NAMED) {
            let Changed { changed, refused } = self.send::<Changed>(&path, &Named { devices })?.value;
            all.changed.extend(changed);
            all.refused.extend(refused);
        }
        Ok(Answer::of(all))
    }
}

fn path(job: &str) -> String {
    format!("/api/v1/jobs/{}/tasks", segment(job))
}
