//! `ota job dry-run`.

use clap::Args;

use super::times::SPANS;
use super::wanted::Wanted;
use crate::api::{self, Client, Mode, NewJob};
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::present::{Output, count, printable, span, when};

/// Says what a job would do; nothing is created.
#[derive(Debug, Args)]
#[command(after_help = SPANS)]
pub(crate) struct DryRun {
    #[command(flatten)]
    wanted: Wanted,
}

impl DryRun {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let job = self.wanted.job()?;
        let run = client.dry_run(&job)?;
        output.result(&run.line(), || told(&job, &run.value))
    }
}

/// One fact a line, what does not apply left out.
fn told(job: &NewJob, run: &api::DryRun) -> String {
    let mut facts = vec![("devices", devices(job, run))];
    facts.extend(run.refused.iter().map(|refused| {
        let examples = named(&refused.examples, refused.devices);
        ("not now", format!("{}: {} ({examples})", refused.devices, printable(&refused.why)))
    }));
    if run.waiting > 0 {
        let now = now_ms();
        facts.extend(run.opens_at.map(|at| ("opens", when(at, now))));
        if !run.first.is_empty() {
            facts.push(("order", named(&run.first, run.reachable_now)));
        }
        facts.extend(stages(run).map(|stages| ("stages", stages)));
        facts.push(("budget", format!("{} may be lost at the start", count(run.bound_at_start, "device"))));
        facts.push(("time", time(run)));
    }
    facts.iter().map(|(name, fact)| format!("{name:<8} {fact}\n")).collect::<Vec<_>>().concat()
}

/// `20 of demo in its scope: 17 to be brought to 2.0, 12 of them reachable now`.
fn devices(job: &NewJob, run: &api::DryRun) -> String {
    let api::DryRun { devices, waiting, reachable_now, .. } = run;
    let (product, to) = (&job.product, printable(&job.to));
    let all = format!("{devices} of {product} in its scope: {waiting} to be brought to {to}");
    match job.mode {
        // A device that asks is reachable.
        Some(Mode::Request) => format!("{all} as they ask"),
        Some(Mode::Push) | None => format!("{all}, {reachable_now} of them reachable now"),
    }
}

/// `a, b, c` or `a, b, c and 12 more`, of `total` in all.
fn named(names: &[String], total: u64) -> String {
    let more = total.saturating_sub(names.len() as u64);
    let names = printable(&names.join(", "));
    if more == 0 { names } else { format!("{names} and {more} more") }
}

fn stages(run: &api::DryRun) -> Option<String> {
    let stages =
        run.stages.iter().map(|stage| format!("{}: {}", stage.stage, count(stage.devices, "device")));
    let stages: Vec<String> = stages.collect();
    (stages.len() > 1).then(|| stages.join(", "))
}

/// `1000 in 12 min, all in 3 h 20 min, when every device is reachable and comes back; 5 min a device (assumed)`.
fn time(run: &api::DryRun) -> String {
    let estimate = &run.estimate;
    let marks = [
        (estimate.thousand, "1000"),
        (estimate.ten_thousand, "10 000"),
        (estimate.hundred_thousand, "100 000"),
        (estimate.all, "all"),
    ];
    let marks = marks.iter().filter_map(|(ms, what)| ms.map(|ms| format!("{what} in {}", about(ms))));
    format!(
        "{}, when every device is reachable and comes back; {} a device ({})",
        marks.collect::<Vec<_>>().join(", "),
        about(run.per_device_ms),
        printable(&run.based_on)
    )
}

fn about(ms: u64) -> String {
    span(ms.div_ceil(1000))
}
