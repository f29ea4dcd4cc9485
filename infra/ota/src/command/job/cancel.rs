//! `ota job cancel`, and what came of changing tasks.

use clap::Args;
use ota_protocol::key::DeviceKey;

use crate::api::{Client, Deed};
use crate::failure::{Failure, Kind};
use crate::present::{Output, count, printable, say};

/// Takes devices out of a job: their tasks are canceled, their links die.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: String,
    /// Device keys
    #[arg(value_name = "DK", required = true, value_parser = DeviceKey::parse)]
    devices: Vec<DeviceKey>,
}

impl Cancel {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let devices: Vec<String> = self.devices.iter().map(ToString::to_string).collect();
        change(&self.job, Deed::Cancel, &devices, client, output)
    }
}

/// Does it to these devices' tasks; a failure when one of them stays as it is.
pub(super) fn change(
    job: &str,
    deed: Deed,
    devices: &[String],
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let answer = client.change_tasks(job, deed, devices)?;
    let (changed, refused) = (&answer.value.changed, &answer.value.refused);
    for task in refused {
        // Most reasons name the device themselves.
        let device = format!("{}: ", task.device);
        let device = if task.why.contains(&task.device) { "" } else { &device };
        say(&printable(&format!("{device}{}", task.why)));
    }
    let word = match deed {
        Deed::Cancel => "canceled",
        Deed::Retry => "waiting again",
    };
    output.result(&answer.line(), || format!("{} {word}", count(changed.len() as u64, "device")))?;
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {} stayed as it was", refused.len(), count(devices.len() as u64, "task"));
    Err(Failure::new(Kind::Refused, message, format!("`ota job tasks {job}` shows how each stands")))
}
