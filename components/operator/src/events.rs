//! Events.

use http::StatusCode;
use ota_ledger::event::{About, Event};
use ota_platform::{Failure, Gateway, Refusal, Request, Response, response};
use serde_json::{Value, json};

use crate::params;

/// Oldest first, behind the number `after`; those about all that is named: `?job=`, `?product=`, `?device=`.
pub(crate) fn list(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let limit = params::limit(request)?;
    let after = params::number(request, "after", "the number of an event")?.unwrap_or(0);
    let [job, product, device] =
        [params::text(request, "job")?, params::text(request, "product")?, params::text(request, "device")?];
    if device.is_some() && product.is_none() {
        let refusal = Refusal::bad_request("device is named, and product is not");
        return Err(refusal.with_hint("a device key is one of its product: add product").into());
    }
    let about = About { job: job.as_deref(), product: product.as_deref(), device: device.as_deref() };
    let events = gateway.decide(|ledger| Ok(ledger.events_about(about, after, limit)?))?;
    let is_full = i64::try_from(events.len()).is_ok_and(|count| count == limit);
    let next = events.last().filter(|_| is_full).map(|event| event.number);
    let shown: Vec<Value> = events.iter().map(shown).collect();
    Ok(response::json(StatusCode::OK, &json!({ "events": shown, "next": next })))
}

fn shown(event: &Event) -> Value {
    json!({
        "number": event.number,
        "at": event.at,
        "kind": event.kind,
        "product": event.product,
        "device": event.device,
        "job": event.job,
        "actor": event.actor,
        "detail": event.detail,
    })
}
