//! `ota job amend`.

use clap::Args;

use super::show::facts;
use super::terms::Terms;
use super::times::SPANS;
use crate::api::{self, Client};
use crate::failure::{Failure, Kind};
use crate::present::{Output, say};

/// Changes the terms of a job while it lives; what is left out stays as it is.
#[derive(Debug, Args)]
#[command(after_help = SPANS)]
pub(crate) struct Amend {
    /// The job's id
    #[arg(value_name = "JOB")]
    id: String,
    #[command(flatten)]
    terms: Terms,
}

impl Amend {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let terms = self.terms.into();
        if terms == api::Terms::default() {
            return Err(Failure::new(
                Kind::Usage,
                "nothing to amend",
                "name a term and its new value, such as --loss-budget 20; `--help` lists them",
            ));
        }
        let job = client.amend_job(&self.id, &terms)?;
        if job.value.may_resume() {
            say(&format!(
                "the job is still {}: `ota job resume {}` lets it go on",
                job.value.state, job.value.id
            ));
        }
        output.result(&job.line(), || facts(&job.value))
    }
}
