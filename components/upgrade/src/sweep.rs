//! One sweep. Called by a bridge it answers with the commands for the sessions that the bridge holds; called by a
//! cron it publishes the commands of devices that no bridge holds through the broker's API.
//!
//! It has parts, and one that fails keeps no other from its work. A bridge takes commands from nothing but a 200, so it
//! reads there what failed, and which of its acknowledgements it must bring again; a cron reads nothing but the status,
//! and gets 503. Each part has its time, so that all of them together stay under the 10 s that a bridge waits.

use http::{Method, StatusCode};
use ota_ledger::deliver::Recipient;
use ota_ledger::sweep::Swept;
use ota_platform::commands::Deliveries;
use ota_platform::publish::publish;
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, commands, door, request, response};
use ota_protocol::topic::upgrade_topic;
use serde::Deserialize;
use serde_json::json;

use crate::{hooks, leftovers};

/// The most acknowledgements that one call may bring.
const MOST_ACKNOWLEDGED: usize = 10_000;

/// How old a sweep is when it hears no further acknowledgement (ms).
const HEAR_UNTIL: i64 = 1_500;
/// How old it is when it concludes and grants nothing further (ms).
const DECIDE_UNTIL: i64 = 3_000;
/// How old it is when it takes no further command (ms). What is left is due again.
const DELIVER_UNTIL: i64 = 5_000;
/// How old it is when it publishes no further command (ms): a broker that is away takes long to be found so.
const PUBLISH_UNTIL: i64 = 6_000;

/// What a bridge brings; a cron brings nothing.
#[derive(Debug, Default, Deserialize)]
struct Tick {
    /// Who sweeps; absent for a cron.
    bridge: Option<String>,
    /// The commands whose receipt devices acknowledged since the last sweep.
    #[serde(default)]
    acknowledged: Vec<String>,
    /// Whether the bridge reports all of its sessions: the answer to its last sweep said that it must.
    #[serde(default)]
    reporting: bool,
}

pub(crate) fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    answer(gateway, request).unwrap_or_else(Failure::into_response)
}

fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    request::require(request, &[Method::GET, Method::POST], "GET, POST")?;
    door::sweeper(gateway, request)?;
    gateway.may_tell()?;
    let tick = decode(request)?;
    let watch = Watch::start(gateway.clock);
    let heard = hear(gateway, &tick.acknowledged, &watch);
    let has_time = || watch.is_before(DECIDE_UNTIL);
    let swept = gateway.decide_in_time(|ledger| Ok(ledger.sweep_while(&has_time)?));
    let due = match &tick.bridge {
        Some(bridge) => deliver(gateway, bridge, tick.reporting, &watch),
        None => publish_all(gateway, &watch),
    };
    hooks::tell(gateway, &watch);
    leftovers::remove(gateway, &watch);
    let due = due?;
    let mut failing = Vec::new();
    if let Some(failure) = due.failure {
        failing.push(("commands", failure));
    }
    if let Some(failure) = heard.failure {
        failing.push(("acknowledgements", failure));
    }
    let swept = swept.unwrap_or_else(|failure| {
        failing.push(("sweep", failure));
        Swept::default()
    });
    if tick.bridge.is_none()
        && let Some((_, failure)) = failing.pop()
    {
        return Err(failure);
    }
    for (part, failure) in &failing {
        eprintln!("a part of a sweep failed, {part}: {failure}");
    }
    Ok(response::json(
        StatusCode::OK,
        &json!({
            "commands": due.commands,
            "report": due.must_report,
            "granted": swept.granted,
            "lapsed": swept.lapsed,
            "timed_out": swept.timed_out,
            "failed": swept.failed,
            "more": swept.more || heard.is_late || due.more,
            "unheard": heard.unheard,
            "failing": failing.iter().map(|(part, _)| part).collect::<Vec<_>>(),
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

/// What became of the acknowledgements of a tick.
#[derive(Default)]
struct Heard<'t> {
    /// Those that are not written, and are to be brought again.
    unheard: Vec<&'t str>,
    /// Whether there was no time for some.
    is_late: bool,
    /// Why one could not be written.
    failure: Option<Failure>,
}

fn hear<'t>(gateway: &Gateway<'_>, acknowledged: &'t [String], watch: &Watch<'_>) -> Heard<'t> {
    let mut heard = Heard::default();
    for push_id in acknowledged.iter().filter(|id| is_push_id(id)) {
        if !watch.is_before(HEAR_UNTIL) {
            heard.is_late = true;
            heard.unheard.push(push_id);
        } else if let Err(failure) = gateway.decide_in_time(|ledger| Ok(ledger.delivered(push_id)?)) {
            heard.failure = Some(failure);
            heard.unheard.push(push_id);
        }
    }
    heard
}

/// Ids of pushes are digits: what is not was never ours, and must not keep the rest of a tick from being heard.
fn is_push_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn deliver(
    gateway: &Gateway<'_>,
    name: &str,
    is_reporting: bool,
    watch: &Watch<'_>,
) -> Result<Deliveries, Failure> {
    let has_time = || watch.is_before(DELIVER_UNTIL);
    let bridge = Recipient::Bridge { name, is_reporting };
    gateway.decide_in_time(|ledger| commands::for_bridge(gateway, ledger, bridge, &has_time))
}

/// Without a place to publish to, devices that no bridge holds are told in the answer to their next inform.
fn publish_all(gateway: &Gateway<'_>, watch: &Watch<'_>) -> Result<Deliveries, Failure> {
    if !ota_platform::publish::is_configured(gateway) {
        return Ok(Deliveries::default());
    }
    let has_time = || watch.is_before(DELIVER_UNTIL);
    let due = gateway.decide_in_time(|ledger| Ok(ledger.deliveries(Recipient::Broker, &has_time)?))?;
    let mut failed = due.failure.map(Failure::from);
    for (device, command) in due.commands {
        if !watch.is_before(PUBLISH_UNTIL) {
            break;
        }
        // One that fails comes again later; the others need not wait for it.
        let payload = gateway.upgrade(&command);
        let published = payload.and_then(|payload| publish(gateway, &upgrade_topic(&device), &payload));
        failed = published.err().or(failed);
    }
    Ok(Deliveries { failure: failed, more: due.more, ..Deliveries::default() })
}
