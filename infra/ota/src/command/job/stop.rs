//! `ota job stop`.

use super::show::facts;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, count, say};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let job = client.stop_job(id)?;
    if job.value.in_flight > 0 {
        let left = count(job.value.in_flight, "device");
        say(&format!("{left} had begun and may finish; no other will begin"));
    }
    output.result(&job.line(), || facts(&job.value))
}
