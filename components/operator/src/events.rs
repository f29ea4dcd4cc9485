//! Events.

use http::StatusCode;
use ota_ledger::event::Event;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, response};
use serde_json::{Value, json};

use crate::params;

/// Oldest first, behind the number `after`; of one job with `?job=`.
pub(crate) fn list(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let limit = params::limit(request)?;
    let after = match params::after(request)?.as_str() {
        "" => 0,
        text => text.parse().map_err(|_| {
            Refusal::bad_request(format!("after is {text:?}, must be the number of an event"))
        })?,
    };
    let job = params::text(request, "job")?;
    let events = gateway.decide(|ledger| Ok(ledger.events(job.as_deref(), after, limit)?))?;
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
