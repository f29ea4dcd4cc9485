//! `POST /mqtt/presence`: who connected and who left, one or many at once, in order.
//!
//! A bridge is answered with the commands for the sessions that it holds, so a device that connects is told at once.

use http::{Method, StatusCode};
use ota_ledger::Ledger;
use ota_ledger::presence::Session;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, commands, door, request, response};
use ota_protocol::envelope::{Presence, PresenceEvent, presence};
use serde_json::json;

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
    gateway.decide(|ledger| take(ledger, &events))?;
    let bridge = events.last().and_then(|event| event.bridge.as_deref());
    let commands = match bridge {
        Some(bridge) => gateway.decide(|ledger| commands::for_bridge(gateway, ledger, bridge))?,
        None => Vec::new(),
    };
    Ok(response::json(StatusCode::OK, &json!({ "commands": commands })))
}

fn take(ledger: &Ledger<'_>, events: &[Presence]) -> Result<(), Failure> {
    for event in events {
        let session = Session {
            id: event.device.clone(),
            bridge: event.bridge.clone(),
            number: event.session.unwrap_or(0),
        };
        match event.event {
            PresenceEvent::Connected => ledger.connected(&session)?,
            PresenceEvent::Disconnected => ledger.disconnected(&session)?,
        }
    }
    Ok(())
}
