//! `ota job stop`.

use clap::Args;

use super::show::facts;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, count, say};

/// Stops a job: from then on no device begins.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The job's id
    #[arg(value_name = "JOB")]
    id: String,
    /// Cut downloads under way, too
    #[arg(long)]
    hard: bool,
}

impl Stop {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let job = client.stop_job(&self.id, self.hard)?;
        if job.value.in_flight > 0 {
            let left = count(job.value.in_flight, "device");
            say(&if self.hard {
                format!("{left} had begun: downloads are cut, what is downloaded may be installed")
            } else {
                format!("{left} had begun and may finish; no other will begin")
            });
        }
        output.result(&job.line(), || facts(&job.value))
    }
}
