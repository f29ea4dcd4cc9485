//! A task: one device in one job, and `/api/v1/jobs/{id}/tasks`.

use serde::Deserialize;

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

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
            Some(reason) => format!("{state}: {}", reason.replace('_', " ")),
            None => state,
        }
    }

    /// Why it stands where it stands, in words: `verification failed: digest is 5f…`.
    pub(crate) fn why(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default().replace('_', " ");
        match self.detail.as_deref().filter(|detail| !detail.is_empty()) {
            Some(detail) if reason.is_empty() => detail.to_owned(),
            Some(detail) => format!("{reason}: {detail}"),
            None => reason,
        }
    }
}

impl Client {
    /// Every task of the job.
    pub(crate) fn tasks(&self, job: &str) -> Result<Answer<Vec<Task>>, Failure> {
        self.fetch_all(&format!("/api/v1/jobs/{}/tasks", segment(job)), "tasks")
    }
}
