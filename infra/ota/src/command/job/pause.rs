//! `ota job pause`.

use super::show::facts;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let job = client.pause_job(id)?;
    output.result(&job.line(), || facts(&job.value))
}
