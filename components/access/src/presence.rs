//! `POST /mqtt/presence`: who connected and who left, one or many at once, in order.
//!
//! A bridge is answered with the commands for the sessions that it holds, so a device that connects is told at once.

use http::{Method, StatusCode};
use ota_ledger::deliver::Recipient;
use ota_ledger::presence::{Change, Session};
use ota_platform::commands::{Deliveries, Delivery};
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, commands, door, request, response};
use ota_protocol::envelope::{Presence, PresenceEvent, presence};
use ota_protocol::key::DeviceId;
use serde_json::json;

/// For how long one report grants those that came (ms), and for how long it takes commands: a bridge waits for its
/// answer, and the sweep does both too.
const GRANT_FOR: i64 = 2_000;
const DELIVER_FOR: i64 = 1_000;

pub(crate) fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    request::require(request, &[Method::POST], "POST")?;
    door::bridge(gateway, request.headers())?;
    if request.body().len() > request::CONTROL_BODY {
        return Err(Refusal::too_large(request::CONTROL_BODY).into());
    }
    let events = presence(request.body()).map_err(|error| Refusal::bad_request(error.to_string()))?;
    for bridge in events.iter().filter_map(|event| event.bridge.as_deref()) {
        commands::bridge_name(bridge)?;
    }
    let changes: Vec<(Session, Change)> = events.iter().map(change).collect();
    let arrived = gateway.decide(|ledger| Ok(ledger.changed(&changes)?))?;
    grant(gateway, &arrived);
    let bridge = events.last().and_then(|event| event.bridge.as_deref());
    let commands = match bridge {
        Some(bridge) => deliver(gateway, bridge),
        None => Vec::new(),
    };
    Ok(response::json(StatusCode::OK, &json!({ "commands": commands })))
}

fn change(event: &Presence) -> (Session, Change) {
    let session = Session {
        id: event.device.clone(),
        bridge: event.bridge.clone(),
        number: event.session.unwrap_or(0),
    };
    let change = match event.event {
        PresenceEvent::Connected => Change::Connected,
        PresenceEvent::Disconnected => Change::Disconnected,
    };
    (session, change)
}

/// Grants those that came what they may have. Who cannot be granted keeps no other from it, and the report is written:
/// whoever is left is for the sweep.
fn grant(gateway: &Gateway<'_>, arrived: &[DeviceId]) {
    let watch = Watch::start(gateway.clock);
    for id in arrived {
        if !watch.is_before(GRANT_FOR) {
            break;
        }
        if let Err(failure) = gateway.decide(|ledger| Ok(ledger.grant_connected(id)?)) {
            eprintln!("{id} connected and is granted later: {failure}");
        }
    }
}

/// The commands for the sessions of `bridge`. The report is written: what cannot be taken now is for the sweep.
fn deliver(gateway: &Gateway<'_>, bridge: &str) -> Vec<Delivery> {
    let watch = Watch::start(gateway.clock);
    let has_time = || watch.is_before(DELIVER_FOR);
    let due = gateway
        .decide(|ledger| commands::for_bridge(gateway, ledger, Recipient::Reporter(bridge), &has_time));
    let due = due.unwrap_or_else(|failure| Deliveries { failure: Some(failure), ..Deliveries::default() });
    if let Some(failure) = due.failure {
        eprintln!("commands for the sessions of {bridge} are delivered later: {failure}");
    }
    due.commands
}
