//! `/api/v1/events`: the append-only history.

use serde::Deserialize;

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// Something that happened.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    /// Ms since 1970.
    pub(crate) at: i64,
    /// One word.
    pub(crate) kind: String,
    pub(crate) device: Option<String>,
    /// Who did it: `device`, `sweep`, `operator`, `gateway`.
    pub(crate) actor: String,
    pub(crate) detail: Option<String>,
}

impl Client {
    /// What happened in a job, oldest first.
    pub(crate) fn events_of_job(&self, job: &str) -> Result<Answer<Vec<Event>>, Failure> {
        self.fetch_all(&format!("/api/v1/events?job={}", segment(job)), "events")
    }
}
