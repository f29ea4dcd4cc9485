//! `ota job retry`.

use clap::Args;
use ota_protocol::key::DeviceKey;

use super::cancel::change;
use crate::api::{Client, Deed, TaskState};
use crate::failure::Failure;
use crate::present::Output;

/// Gives devices that failed, timed out or were canceled another try; a job that is done runs again.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: String,
    /// Device keys
    #[arg(value_name = "DK", required_unless_present = "failed", value_parser = DeviceKey::parse)]
    devices: Vec<DeviceKey>,
    /// Every device that failed or timed out
    #[arg(long, conflicts_with = "devices")]
    failed: bool,
}

impl Retry {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let devices = if self.failed {
            let failed = client.tasks(&self.job, Some(TaskState::Failed))?.value;
            let timed_out = client.tasks(&self.job, Some(TaskState::TimedOut))?.value;
            failed.into_iter().chain(timed_out).map(|task| task.device).collect()
        } else {
            self.devices.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        change(&self.job, Deed::Retry, &devices, client, output)
    }
}
