//! The tasks of a job: listed, canceled, retried.

use std::collections::BTreeSet;

use http::StatusCode;
use ota_ledger::Ledger;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::control::NotChanged;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, request, response};
use ota_protocol::key::DeviceKey;
use ota_rollout::TaskState;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::not_changed;
use super::{task, unknown};
use crate::params::{self, quoted};

/// The most devices whose tasks one request changes.
const MOST_CHANGED: usize = 1000;

/// In the order of device keys, behind `?after=`; those in one state with `?state=`.
pub(crate) fn list(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    let (after, limit) = (params::after(request)?, params::limit(request)?);
    let state = state(request)?;
    let tasks = gateway.decide(|ledger| {
        if ledger.job(id)?.is_none() {
            return Err(unknown(id).into());
        }
        Ok(ledger.tasks(id, state, &after, limit)?)
    })?;
    let is_full = i64::try_from(tasks.len()).is_ok_and(|count| count == limit);
    let next = tasks.last().filter(|_| is_full).map(|task| task.id.device.as_str());
    let shown: Vec<Value> = tasks.iter().map(task).collect();
    Ok(response::json(StatusCode::OK, &json!({ "tasks": shown, "next": next })))
}

pub(crate) fn cancel(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    change(gateway, request, id, |ledger, device| ledger.cancel_task(id, device))
}

pub(crate) fn retry(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    change(gateway, request, id, |ledger, device| ledger.retry_task(id, device))
}

/// Whose tasks are meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Devices {
    devices: Vec<String>,
}

/// One transaction a device: some may be changed and others not, and the answer says which.
fn change(
    gateway: &Gateway<'_>,
    request: &Request,
    id: &str,
    act: impl Fn(&Ledger<'_>, &DeviceKey) -> Result<(), NotChanged>,
) -> Result<Response, Failure> {
    let devices = devices(request)?;
    let record = gateway.decide(|ledger| ledger.job(id)?.ok_or_else(|| unknown(id).into()))?;
    let (mut changed, mut refused) = (Vec::new(), Vec::new());
    for device in &devices {
        let done = gateway.decide(|ledger| match act(ledger, device) {
            Err(why @ (NotChanged::Ledger(_) | NotChanged::NoJob(_))) => Err(not_changed(why)),
            done => Ok(done),
        })?;
        match done {
            Ok(()) => changed.push(device.as_str()),
            Err(why) => refused.push(json!({ "device": device.as_str(), "why": why.to_string() })),
        }
    }
    Catalogue::forget(&record.product, gateway.kv);
    Ok(response::json(StatusCode::OK, &json!({ "changed": changed, "refused": refused })))
}

/// Each once, in the order of their keys.
fn devices(request: &Request) -> Result<BTreeSet<DeviceKey>, Refusal> {
    let Devices { devices } = params::body(request)?;
    let count = devices.len();
    if !(1..=MOST_CHANGED).contains(&count) {
        let message = format!("devices has {count} entries, must have 1 to {MOST_CHANGED}");
        return Err(Refusal::bad_request(message));
    }
    devices.iter().map(|text| params::device_key(text)).collect()
}

fn state(request: &Request) -> Result<Option<TaskState>, Refusal> {
    let Some(text) = request::parameter(request, "state") else { return Ok(None) };
    TaskState::parse(&text).map(Some).ok_or_else(|| {
        let words = TaskState::ALL.map(TaskState::as_str).join(", ");
        Refusal::bad_request(format!("state is {}, must be one of {words}", quoted(&text)))
    })
}
