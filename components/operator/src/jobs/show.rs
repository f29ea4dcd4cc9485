//! How a job and a task look to operators. Times are milliseconds since 1970, durations seconds, shares per cent.

use ota_ledger::dry_run::{DryRun, Refused};
use ota_ledger::named::Named;
use ota_ledger::record::{JobRecord, TaskRecord};
use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::{Retry, Schedule, Stage, Terms};
use serde_json::{Map, Value, json};

use super::percent::Percent;

/// A job and all that it names.
pub(super) fn whole(record: &JobRecord, named: &Named, now: i64) -> Value {
    let scope = &named.scope;
    let from: Vec<&str> = scope.from.iter().map(Version::as_str).collect();
    let stages: Vec<Value> = named.stages.iter().map(stage).collect();
    joined([
        job(record, now),
        json!({
            "from": from,
            "named": keys(&scope.devices),
            "tags": scope.tags,
            "exclude": keys(&scope.exclude),
            "canary": keys(&named.canary),
            "canary_soak": named.canary_soak / 1000,
            "stages": stages,
        }),
    ])
}

/// A job as it stands at `now` (ms).
pub(super) fn job(record: &JobRecord, now: i64) -> Value {
    joined([
        json!({
            "job": record.job,
            "product": record.product.as_str(),
            "to": record.to.as_str(),
            "kind": record.kind.as_str(),
            "mode": record.mode.as_str(),
            "policy": if record.is_incremental { INCREMENTAL } else { SNAPSHOT },
            "downgrade": record.is_downgrade,
            "state": record.state.as_str(),
            "hard": record.is_hard,
            "held_because": record.held_because,
            "filled": record.filled_to.is_none(),
            "stage": open_stage(record),
            "created_at": record.created_at,
        }),
        counters(record),
        terms(&record.terms),
        schedule(&record.schedule, now),
    ])
}

/// What a job would do. Times and durations are milliseconds.
pub(super) fn dry_run(run: &DryRun) -> Value {
    let refused: Vec<Value> = run.refused.iter().map(refused).collect();
    let stage = |(number, devices): (usize, &i64)| json!({ "stage": number, "devices": devices });
    let stages: Vec<Value> = run.stages.iter().enumerate().map(stage).collect();
    let estimate = run.estimate.unwrap_or_default();
    json!({
        "devices": run.devices,
        "skipped": run.skipped,
        "waiting": run.waiting,
        "never_informed": run.never_informed,
        "refused": refused,
        "reachable_now": run.reachable_now,
        "first": run.first,
        "stages": stages,
        "bound_at_start": run.bound_at_start,
        "opens_at": run.opens_at,
        "estimate": {
            "1000": estimate.thousand,
            "10000": estimate.ten_thousand,
            "100000": estimate.hundred_thousand,
            "all": run.estimate.map(|estimate| estimate.all),
        },
        "per_device_ms": run.per_device,
        "based_on": match run.samples {
            0 => "assumed".to_owned(),
            count => format!("{count} finished upgrades of this product"),
        },
    })
}

fn refused(refused: &Refused) -> Value {
    json!({ "why": refused.why, "devices": refused.devices, "examples": refused.examples })
}

/// The word for a job that takes in the devices which meet its scope when it is created.
pub(super) const SNAPSHOT: &str = "snapshot";
/// The word for one that takes in those that come later, too.
pub(super) const INCREMENTAL: &str = "incremental";

/// A task.
pub(crate) fn task(record: &TaskRecord) -> Value {
    json!({
        "task": format!("{}.{}", record.job, record.id.device),
        "job": record.job,
        "product": record.id.product.as_str(),
        "device": record.id.device.as_str(),
        "state": record.task.state.as_str(),
        "step": record.step,
        "reason": record.reason,
        "detail": record.detail,
        "attempt": record.task.attempt,
        "from": record.from.as_ref().map(Version::as_str),
        "exposed": record.task.exposed,
        "stage": record.stage,
        "ended_at": record.ended_at,
    })
}

fn counters(record: &JobRecord) -> Value {
    let counters = &record.counters;
    json!({
        "devices": record.devices,
        "waiting": counters.waiting,
        "in_flight": counters.in_flight,
        "succeeded": counters.succeeded,
        "failed": counters.failed,
        "timed_out": counters.timed_out,
        "canceled": counters.canceled,
        "skipped": counters.skipped,
        "exposed": counters.exposed,
        "begun": counters.begun,
        "retrying": counters.retrying,
        "lost": counters.lost(),
        "forgiven": { "lost": record.forgiven.lost, "succeeded": record.forgiven.succeeded },
        "bound": record.bound(),
    })
}

fn terms(terms: &Terms) -> Value {
    json!({
        "loss_budget": terms.budget.loss_budget,
        "growth": terms.budget.growth,
        "max_failure_rate": Value::from(Percent::from_per_mille(terms.max_failure_rate)),
        "max_in_flight": terms.max_in_flight,
        "per_minute": terms.per_minute,
        "retry": retry(&terms.retry),
        "first_sign_within": terms.first_sign_within / 1000,
        "upgrade_timeout": terms.upgrade_timeout / 1000,
        "confirm_within": terms.confirm_within / 1000,
        "reachable_within": terms.reachable_within / 1000,
    })
}

fn retry(retry: &Retry) -> Value {
    json!({
        "attempts": retry.attempts,
        "backoff": retry.backoff / 1000,
        "reasons": retry.reasons.words().collect::<Vec<_>>(),
    })
}

fn schedule(schedule: &Schedule, now: i64) -> Value {
    let windows: Vec<String> = schedule.windows().iter().map(ToString::to_string).collect();
    json!({
        "starts_at": schedule.starts_at(),
        "zone": schedule.zone(),
        "windows": windows,
        "opens_at": schedule.opens_at(now),
    })
}

/// The stage that is open, of a job that has some.
fn open_stage(record: &JobRecord) -> Option<Value> {
    (record.last_stage > 0).then(|| {
        json!({
            "open": record.stage,
            "last": record.last_stage,
            "members": record.stand.members,
            "succeeded": record.stand.succeeded,
            "ended": record.stand.ended,
            "passed_at": record.passed_at,
        })
    })
}

fn stage(stage: &Stage) -> Value {
    json!({
        "share": Value::from(Percent::from_per_mille(stage.share)),
        "soak": stage.soak / 1000,
        "pass": Value::from(Percent::from_per_mille(stage.pass)),
    })
}

fn keys(devices: &[DeviceKey]) -> Vec<&str> {
    devices.iter().map(DeviceKey::as_str).collect()
}

/// The fields of all.
fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let mut fields = Map::new();
    for part in parts {
        if let Value::Object(part) = part {
            fields.extend(part);
        }
    }
    Value::Object(fields)
}
