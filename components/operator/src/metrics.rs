//! Metrics for Prometheus, computed from the ledger; never a label per device.

use std::fmt::Write as _;

use http::StatusCode;
use ota_ledger::hook::HookRecord;
use ota_ledger::record::JobRecord;
use ota_platform::{Failure, Gateway, Response, response};

use crate::params::MOST_ROWS;

/// A metric of a job: its name, its help, and where it stands.
type JobMetric = (&'static str, &'static str, fn(&JobRecord) -> i64);

const JOB_METRICS: [JobMetric; 10] = [
    ("ota_job_devices", "Devices in the job.", |job| job.devices),
    ("ota_job_waiting", "Devices without a slot.", |job| job.counters.waiting),
    ("ota_job_in_flight", "Devices at work.", |job| job.counters.in_flight),
    ("ota_job_exposed", "Devices that count against the loss budget.", |job| job.counters.exposed),
    ("ota_job_lost", "Exposed devices that are not at work.", |job| job.counters.lost()),
    ("ota_job_retrying", "Exposed devices that wait for their next attempt.", |job| job.counters.retrying),
    ("ota_job_bound", "Devices that may be exposed now.", |job| {
        job.terms.budget.bound(job.counters.succeeded)
    }),
    ("ota_job_succeeded", "Devices that informed the target.", |job| job.counters.succeeded),
    ("ota_job_failed", "Devices that failed.", |job| job.counters.failed),
    ("ota_job_timed_out", "Devices that were silent for too long.", |job| job.counters.timed_out),
];

/// A metric of a hook.
type HookMetric = (&'static str, &'static str, fn(&HookRecord) -> i64);

const HOOK_METRICS: [HookMetric; 3] = [
    ("ota_hook_pending", "Messages that are still to arrive.", |hook| hook.pending),
    ("ota_hook_given_up", "Messages that did not arrive in a week.", |hook| hook.given_up),
    ("ota_hook_failing_seconds", "For how long nothing has arrived.", |hook| {
        hook.failing_since.map_or(0, |since| (hook.now - since) / 1000)
    }),
];

pub(crate) fn show(gateway: &Gateway<'_>) -> Result<Response, Failure> {
    let (products, jobs, hooks) = gateway
        .decide(|ledger| Ok((ledger.products()?, ledger.jobs(None, None, MOST_ROWS)?, ledger.hooks()?)))?;
    let mut text = String::new();
    header(&mut text, "ota_devices", "Registered devices.");
    for summary in &products {
        line(&mut text, "ota_devices", &format!("product=\"{}\"", summary.product), summary.devices);
    }
    for (name, help, value) in JOB_METRICS {
        header(&mut text, name, help);
        for job in &jobs {
            let labels =
                format!("product=\"{}\",job=\"{}\",state=\"{}\"", job.product, job.job, job.state.as_str());
            line(&mut text, name, &labels, value(job));
        }
    }
    for (name, help, value) in HOOK_METRICS {
        header(&mut text, name, help);
        for hook in &hooks {
            line(&mut text, name, &format!("hook=\"{}\"", hook.hook), value(hook));
        }
    }
    Ok(response::text(StatusCode::OK, text))
}

fn header(text: &mut String, name: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn line(text: &mut String, name: &str, labels: &str, value: i64) {
    let _ = writeln!(text, "{name}{{{labels}}} {value}");
}
