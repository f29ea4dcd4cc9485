//! Jobs and their tasks.

use http::StatusCode;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::control::NotChanged;
use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::record::{JobRecord, TaskRecord};
use ota_ledger::scope::Scope;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, request, response};
use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::{Budget, Mode, Terms};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::params;
use crate::route::product_key;

/// The most devices or versions that a job may name one by one.
const MOST_NAMED: usize = 10_000;

pub(crate) fn list(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let product = request::parameter(request, "product").map(|text| product_key(&text)).transpose()?;
    let limit = params::limit(request)?;
    let jobs = gateway.decide(|ledger| Ok(ledger.jobs(product.as_ref(), None, limit)?))?;
    let shown: Vec<Value> = jobs.iter().map(job).collect();
    Ok(response::json(StatusCode::OK, &json!({ "jobs": shown })))
}

pub(crate) fn show(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    let record = gateway.decide(|ledger| Ok(ledger.job(id)?))?.ok_or_else(|| unknown(id))?;
    Ok(response::json(StatusCode::OK, &job(&record)))
}

pub(crate) fn stop(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    let record = gateway.decide(|ledger| match ledger.stop_job(id, false) {
        Err(NotChanged::Ledger(error)) => Err(error.into()),
        Err(_) => Err(unknown(id).into()),
        Ok(job) => Ok(job),
    })?;
    Catalogue::forget(&record.product, gateway.kv);
    Ok(response::json(StatusCode::OK, &job(&record)))
}

pub(crate) fn tasks(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    let (after, limit) = (params::after(request)?, params::limit(request)?);
    let tasks = gateway.decide(|ledger| {
        if ledger.job(id)?.is_none() {
            return Err(unknown(id).into());
        }
        Ok(ledger.tasks(id, None, &after, limit)?)
    })?;
    let is_full = i64::try_from(tasks.len()).is_ok_and(|count| count == limit);
    let next = tasks.last().filter(|_| is_full).map(|task| task.id.device.as_str());
    let shown: Vec<Value> = tasks.iter().map(task).collect();
    Ok(response::json(StatusCode::OK, &json!({ "tasks": shown, "next": next })))
}

/// A job as operators write it. Durations are seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    product: String,
    to: String,
    mode: Option<String>,
    from: Option<Vec<String>>,
    devices: Option<Vec<String>>,
    loss_budget: Option<i64>,
    growth: Option<i64>,
    max_in_flight: Option<i64>,
    first_sign_within: Option<i64>,
    upgrade_timeout: Option<i64>,
    confirm_within: Option<i64>,
    reachable_within: Option<i64>,
}

pub(crate) fn create(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let wanted: Wanted = params::body(request)?;
    // Named before it is created: what is tried again creates no second one.
    let id = gateway.decide(|ledger| Ok(ledger.new_job_id()))?;
    let new = wanted.parse(id)?;
    let created = gateway.decide(|ledger| match ledger.create_job(&new) {
        Err(NotCreated::Ledger(error)) => Err(error.into()),
        Err(why) => Err(not_created(&why).into()),
        Ok(job) => Ok(job),
    })?;
    Catalogue::forget(&created.product, gateway.kv);
    Ok(response::json(StatusCode::CREATED, &job(&created)))
}

impl Wanted {
    fn parse(self, id: String) -> Result<NewJob, Refusal> {
        let mode = self.mode.as_deref().unwrap_or(Mode::Push.as_str());
        let (product, to) = (product_key(&self.product)?, version(&self.to)?);
        Ok(NewJob {
            mode: Mode::parse(mode)
                .ok_or_else(|| Refusal::bad_request(format!("mode is {mode:?}, must be push or request")))?,
            terms: self.terms()?,
            scope: self.scope()?,
            ..NewJob::new(id, product, to)
        })
    }

    fn terms(&self) -> Result<Terms, Refusal> {
        let default = Terms::DEFAULT;
        let ms = |seconds: Option<i64>, default: i64| seconds.map_or(default, |s| s.saturating_mul(1000));
        let terms = Terms {
            budget: Budget {
                loss_budget: self.loss_budget.unwrap_or(default.budget.loss_budget),
                growth: self.growth.unwrap_or(default.budget.growth),
            },
            max_in_flight: self.max_in_flight.unwrap_or(default.max_in_flight),
            first_sign_within: ms(self.first_sign_within, default.first_sign_within),
            upgrade_timeout: ms(self.upgrade_timeout, default.upgrade_timeout),
            confirm_within: ms(self.confirm_within, default.confirm_within),
            reachable_within: ms(self.reachable_within, default.reachable_within),
            ..default
        };
        terms.check().map_err(|error| Refusal::bad_request(error.to_string()))
    }

    fn scope(&self) -> Result<Scope, Refusal> {
        match (&self.from, &self.devices) {
            (None, None) => Ok(Scope::default()),
            (Some(_), Some(_)) => {
                Err(Refusal::bad_request("a job names source versions (from) or devices, not both"))
            }
            (Some(from), None) => Ok(Scope { from: named("from", from, version)?, ..Scope::default() }),
            (None, Some(devices)) => {
                let devices = named("devices", devices, |text| {
                    DeviceKey::parse(text)
                        .map_err(|error| Refusal::bad_request(format!("device {text:?}: {error}")))
                })?;
                Ok(Scope { devices, ..Scope::default() })
            }
        }
    }
}

fn named<T>(
    what: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let count = texts.len();
    if !(1..=MOST_NAMED).contains(&count) {
        return Err(Refusal::bad_request(format!("{what} has {count} entries, must have 1 to {MOST_NAMED}")));
    }
    texts.iter().map(|text| parse(text)).collect()
}

fn version(text: &str) -> Result<Version, Refusal> {
    Version::parse(text).map_err(|error| Refusal::bad_request(format!("version {text:?}: {error}")))
}

fn not_created(why: &NotCreated) -> Refusal {
    let message = why.to_string();
    match why {
        NotCreated::NoProduct(_) => {
            Refusal::not_found(message).with_hint("register it with POST /api/v1/products")
        }
        NotCreated::NoFirmware(_) => Refusal::unprocessable("no_firmware", message)
            .with_hint("upload it with PUT /api/v1/products/{product}/firmware/{version}"),
        NotCreated::Quarantined(_) => Refusal::unprocessable("quarantined", message)
            .with_hint("a stored block is damaged: upload the firmware again under another version"),
        NotCreated::NoDevice(_) => Refusal::unprocessable("no_device", message)
            .with_hint("register it with POST /api/v1/products/{product}/devices"),
        _ => Refusal::unprocessable("empty_scope", message)
            .with_hint("GET /api/v1/products/{product}/devices shows the devices and their versions"),
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("there is no job {id}")).with_hint("GET /api/v1/jobs lists them")
}

/// A job as operators see it. Times are milliseconds since 1970, durations seconds.
fn job(record: &JobRecord) -> Value {
    let (terms, counters) = (&record.terms, &record.counters);
    json!({
        "job": record.job,
        "product": record.product.as_str(),
        "to": record.to.as_str(),
        "mode": record.mode.as_str(),
        "state": record.state.as_str(),
        "held_because": record.held_because,
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
        "loss_budget": terms.budget.loss_budget,
        "growth": terms.budget.growth,
        "bound": terms.budget.bound(counters.succeeded),
        "max_in_flight": terms.max_in_flight,
        "first_sign_within": terms.first_sign_within / 1000,
        "upgrade_timeout": terms.upgrade_timeout / 1000,
        "confirm_within": terms.confirm_within / 1000,
        "reachable_within": terms.reachable_within / 1000,
        "created_at": record.created_at,
    })
}

/// A task as operators see it.
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
        "ended_at": record.ended_at,
    })
}
