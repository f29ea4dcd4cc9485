//! `ota job watch`: asks for the job again and again until nothing more will happen to it.

use std::thread;
use std::time::Duration;

use super::show::facts;
use crate::api::{Client, Job};
use crate::failure::{Failure, Kind};
use crate::present::{JobBar, Output, printable};

/// How often the job is asked for.
const EVERY: Duration = Duration::from_millis(500);
/// A gateway that restarts is waited for this many times `EVERY`.
const PATIENCE: u32 = 20;

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let mut last = client.job(id)?;
    let mut bar = JobBar::new(&last.value);
    let mut silent = 0;
    while !last.value.is_over() {
        thread::sleep(EVERY);
        match client.job(id) {
            Ok(job) => {
                silent = 0;
                bar.show(&job.value);
                last = job;
            }
            Err(failure) if failure.is_unreachable() && silent < PATIENCE => silent += 1,
            Err(failure) => return Err(failure),
        }
    }
    bar.finish();
    output.result(&last.line(), || facts(&last.value))?;
    verdict(&last.value)
}

/// A failure unless the job is done and brought every device home.
fn verdict(job: &Job) -> Result<(), Failure> {
    if job.is_clean() {
        return Ok(());
    }
    let because = job.held_because.as_ref().map_or_else(String::new, |why| format!(" ({})", printable(why)));
    let id = &job.id;
    let tasks = (job.failed + job.timed_out + job.lost() > 0)
        .then(|| format!("`ota job tasks {id}` says why, device by device"));
    let resume = job.may_resume().then(|| format!("`ota job resume {id}` lets it go on"));
    let hints: Vec<String> = tasks.into_iter().chain(resume).collect();
    Err(Failure::new(
        Kind::JobNotClean,
        format!(
            "job {id} is {}{because} with {} of {} on {}: {} failed, {} timed out, {} lost",
            job.state,
            job.succeeded,
            job.devices,
            printable(&job.to),
            job.failed,
            job.timed_out,
            job.lost()
        ),
        hints.join("; "),
    ))
}
