//! `ota job create`.

use clap::Args;
use http::HeaderValue;

use super::show::facts;
use super::times::SPANS;
use super::wanted::Wanted;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, say};

/// Creates a job. `ota job dry-run` with the same options says beforehand what it would do.
#[derive(Debug, Args)]
#[command(after_help = SPANS)]
pub(crate) struct Create {
    /// What this job is called by who creates it: given again, it is the job that is there, and not a second one
    #[arg(long, value_name = "TEXT", value_parser = HeaderValue::from_str)]
    key: Option<HeaderValue>,
    #[command(flatten)]
    wanted: Wanted,
}

impl Create {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let wanted = self.wanted.job()?;
        let created = match &self.key {
            Some(key) => client.create_job_once(&wanted, key)?,
            None => client.create_job(&wanted)?,
        };
        let id = &created.value.id;
        say(&format!("`ota job watch {id}` follows it"));
        output.result(&created.line(), || facts(&created.value))
    }
}
