//! `ota job show`.

use crate::api::{Client, Job};
use crate::failure::Failure;
use crate::present::{Output, count, growing, printable, seconds};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let job = client.job(id)?;
    output.result(&job.line(), || facts(&job.value))
}

/// The job in plain words, one fact a line.
pub(super) fn facts(job: &Job) -> String {
    let to = printable(&job.to);
    let state = match &job.held_because {
        Some(why) => format!("{}: {}", job.state, printable(why)),
        None => job.state.clone(),
    };
    [
        ("job", format!("{}: {} to {to}, by {}", job.id, job.product, job.mode)),
        ("state", state),
        ("devices", devices(job)),
        ("budget", budget(job)),
        ("limits", limits(job)),
    ]
    .map(|(name, fact)| format!("{name:<8} {fact}\n"))
    .concat()
}

/// `20: 12 succeeded, 3 in flight, 5 waiting`, leaving out what is zero.
fn devices(job: &Job) -> String {
    let counts = [
        (job.succeeded, "succeeded"),
        (job.in_flight, "in flight"),
        (job.waiting, "waiting"),
        (job.failed, "failed"),
        (job.timed_out, "timed out"),
        (job.canceled, "canceled"),
        (job.skipped, "there already"),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("{}: {}", job.devices, if told.is_empty() { "none".to_owned() } else { told.join(", ") })
}

/// `exposed 7 of 11 (10, and one more for every 10 that came back), 2 lost`.
fn budget(job: &Job) -> String {
    format!("{} ({}), {} lost", job.budget(), growing(job.loss_budget, job.growth), job.lost())
}

fn limits(job: &Job) -> String {
    format!(
        "{} at once; first sign within {}, done within {}, old version confirmed after {}",
        count(job.max_in_flight, "device"),
        seconds(job.first_sign_within),
        seconds(job.upgrade_timeout),
        seconds(job.confirm_within)
    )
}
