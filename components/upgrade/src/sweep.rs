//! One sweep. Called by a bridge it answers with the commands for the sessions that the bridge holds; called by a
//! cron it publishes the commands of devices that no bridge holds through the broker's API.

use http::{Method, StatusCode};
use ota_ledger::Ledger;
use ota_ledger::sweep::Swept;
use ota_platform::publish::publish;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, commands, door, request, response};
use ota_protocol::topic::upgrade_topic;
use serde::Deserialize;
use serde_json::json;

use crate::hooks;

/// The most acknowledgements that one call may bring.
const MOST_ACKNOWLEDGED: usize = 10_000;

/// What a bridge brings; a cron brings nothing.
#[derive(Debug, Default, Deserialize)]
struct Tick {
    /// Who sweeps; absent for a cron.
    bridge: Option<String>,
    /// The commands whose receipt devices acknowledged since the last sweep.
    #[serde(default)]
    acknowledged: Vec<String>,
}

pub(crate) fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    answer(gateway, request).unwrap_or_else(Failure::into_response)
}

fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    request::require(request, &[Method::GET, Method::POST], "GET, POST")?;
    door::sweeper(gateway, request)?;
    gateway.may_tell()?;
    let tick = decode(request)?;
    let swept = gateway.decide(|ledger| run(ledger, &tick))?;
    let commands = gateway.decide(|ledger| match &tick.bridge {
        Some(bridge) => commands::for_bridge(gateway, ledger, bridge),
        None => publish_all(gateway, ledger).map(|()| Vec::new()),
    })?;
    hooks::tell(gateway);
    Ok(response::json(
        StatusCode::OK,
        &json!({
            "commands": commands,
            "granted": swept.granted,
            "lapsed": swept.lapsed,
            "timed_out": swept.timed_out,
            "failed": swept.failed,
            "more": swept.more,
        }),
    ))
}

fn decode(request: &Request) -> Result<Tick, Refusal> {
    if request.body().is_empty() {
        return Ok(Tick::default());
    }
    if request.body().len() > request::CONTROL_BODY {
        return Err(Refusal::too_large(request::CONTROL_BODY));
    }
    let tick: Tick = serde_json::from_slice(request.body())
        .map_err(|error| Refusal::bad_request(format!("the body is no tick of a bridge: {error}")))?;
    tick.bridge.as_deref().map(commands::bridge_name).transpose()?;
    if tick.acknowledged.len() > MOST_ACKNOWLEDGED {
        let count = tick.acknowledged.len();
        return Err(Refusal::bad_request(format!(
            "{count} acknowledgements, at most {MOST_ACKNOWLEDGED} a call"
        )));
    }
    Ok(tick)
}

fn run(ledger: &Ledger<'_>, tick: &Tick) -> Result<Swept, Failure> {
    for push_id in tick.acknowledged.iter().filter(|id| is_push_id(id)) {
        ledger.delivered(push_id)?;
    }
    Ok(ledger.sweep()?)
}

/// Ids of pushes are digits: what is not was never ours, and must not keep the rest of a tick from being heard.
fn is_push_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Without a place to publish to, devices that no bridge holds are told in the answer to their next inform.
fn publish_all(gateway: &Gateway<'_>, ledger: &Ledger<'_>) -> Result<(), Failure> {
    if !ota_platform::publish::is_configured(gateway) {
        return Ok(());
    }
    let mut failed = None;
    for (device, command) in ledger.deliveries(None)? {
        // One that fails comes again later; the others need not wait for it.
        let payload = gateway.upgrade(&command)?;
        failed = publish(gateway, &upgrade_topic(&device), &payload).err().or(failed);
    }
    failed.map_or(Ok(()), Err)
}
