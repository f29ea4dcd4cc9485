//! `ota job explain`, and explanations as text.

use clap::Args;
use ota_protocol::key::DeviceKey;

use crate::api::{Client, Device, ExplainedJob, Explanation};
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::present::{Output, ago, printable, when};

/// Says why a device gets from a job what it gets.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: String,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
}

impl Explain {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let explanation = client.explain_in_job(&self.job, &self.device)?;
        output.result(&explanation.line(), || explained(&explanation.value))
    }
}

/// The device, then each job with its verdict and its reasons.
pub(crate) fn explained(explanation: &Explanation) -> String {
    let now = now_ms();
    let jobs = explanation.jobs.iter().map(|job| verdict(job, now));
    let jobs: String = jobs.collect();
    let jobs = if jobs.is_empty() { "no open job has anything for it\n".to_owned() } else { jobs };
    format!("{}{jobs}", device(&explanation.device, now))
}

/// `device   demo/d-1 on 1.0, connected, heard 3 s ago`.
fn device(device: &Device, now: i64) -> String {
    let version = match &device.version {
        Some(version) => format!("on {}", printable(version)),
        None => "never informed a version".to_owned(),
    };
    let connected = if device.connected { "connected" } else { "not connected" };
    let heard =
        device.heard_at().map_or_else(|| "never heard".to_owned(), |at| format!("heard {}", ago(at, now)));
    format!("device   {}/{} {version}, {connected}, {heard}\n", device.product, device.key)
}

/// `job 7    to 2.0 by way of 1.5: waits until …`, and a line for each reason.
fn verdict(job: &ExplainedJob, now: i64) -> String {
    let way = job.next.as_ref().filter(|next| **next != job.to);
    let way = way.map_or_else(String::new, |next| format!(" by way of {}", printable(next)));
    let until = job.until.filter(|at| *at > now && job.verdict == "waits");
    let until = until.map_or_else(String::new, |at| format!(" until {}", when(at, now)));
    let to = printable(&job.to);
    let why = job.why.iter().map(|why| format!("         {}\n", printable(why)));
    format!(
        "job      {}: to {to}{way}: {}{until}\n{}",
        job.id,
        printable(&job.verdict),
        why.collect::<String>()
    )
}
