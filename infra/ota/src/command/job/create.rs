//! `ota job create`.

use clap::Args;

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
    #[command(flatten)]
    wanted: Wanted,
}

impl Create {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let created = client.create_job(&self.wanted.job()?)?;
        let id = &created.value.id;
        say(&format!("`ota job watch {id}` follows it"));
        output.result(&created.line(), || facts(&created.value))
    }
}
