//! Why a device gets what it gets, of all jobs and of one.

use http::StatusCode;
use ota_ledger::explain::{Explained, Explanation};
use ota_platform::{Failure, Gateway, Response, response};
use ota_protocol::key::{DeviceId, DeviceKey};
use ota_protocol::version::Version;
use serde_json::{Value, json};

use crate::devices;
use crate::jobs;

pub(crate) fn device(gateway: &Gateway<'_>, id: &DeviceId) -> Result<Response, Failure> {
    let explanation = gateway.decide(|ledger| Ok(ledger.explain(id)?))?;
    Ok(answer(&explanation.ok_or_else(|| devices::unknown(id))?))
}

pub(crate) fn task(gateway: &Gateway<'_>, job: &str, device: &DeviceKey) -> Result<Response, Failure> {
    let explanation = gateway.decide(|ledger| {
        let record = ledger.job(job)?.ok_or_else(|| jobs::unknown(job))?;
        let id = DeviceId { product: record.product, device: device.clone() };
        ledger.explain_in(&id, job)?.ok_or_else(|| devices::unknown(&id).into())
    })?;
    Ok(answer(&explanation))
}

fn answer(explanation: &Explanation) -> Response {
    let jobs: Vec<Value> = explanation.jobs.iter().map(explained).collect();
    let device = devices::shown(&explanation.device, &explanation.tags);
    response::json(StatusCode::OK, &json!({ "device": device, "jobs": jobs }))
}

fn explained(explained: &Explained) -> Value {
    json!({
        "job": explained.job.job,
        "to": explained.job.to.as_str(),
        "next": explained.next.as_ref().map(Version::as_str),
        "verdict": explained.verdict.as_str(),
        "why": explained.why,
        "until": explained.until,
    })
}
