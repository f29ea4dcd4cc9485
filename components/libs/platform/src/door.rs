//! Who may call: the bridge's token, the operator's token, or the session of a device without MQTT.
//!
//! A door whose secret is not set is closed (403, naming the variable); no credentials are 401, wrong ones 403.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ota_ledger::Ledger;
use ota_protocol::key::DeviceId;
use ota_protocol::session::Session;

use crate::failure::{Failure, Refusal};
use crate::gateway::{BRIDGE_TOKEN, BRIDGE_TOKEN_PREVIOUS, Gateway, OPERATOR_TOKEN};
use crate::request::{self, Request};

/// Admits bridges and brokers: `bridge_token`, or `bridge_token_previous` while it is being changed.
pub fn bridge(gateway: &Gateway<'_>, headers: &HeaderMap) -> Result<(), Failure> {
    // A closed door says so before it asks for credentials.
    gateway.token(BRIDGE_TOKEN)?;
    admit_bridge(gateway, &presented(headers)?)
}

fn admit_bridge(gateway: &Gateway<'_>, token: &str) -> Result<(), Failure> {
    let current = gateway.token(BRIDGE_TOKEN)?;
    let previous = gateway.token(BRIDGE_TOKEN_PREVIOUS).ok();
    let is_previous = previous.is_some_and(|previous| previous.matches(token));
    admit(current.matches(token) || is_previous, BRIDGE_TOKEN)
}

/// Admits operators: `operator_token`.
pub fn operator(gateway: &Gateway<'_>, headers: &HeaderMap) -> Result<(), Failure> {
    let current = gateway.token(OPERATOR_TOKEN)?;
    let token = presented(headers)?;
    admit(current.matches(&token), OPERATOR_TOKEN)
}

/// Admits whoever triggers the sweep: as [`bridge`], or with the token in `?token=`, since the crons of some platforms
/// can send neither headers nor bodies.
pub fn sweeper(gateway: &Gateway<'_>, request: &Request) -> Result<(), Failure> {
    match request::parameter(request, "token") {
        Some(token) => admit_bridge(gateway, &token),
        None => bridge(gateway, request.headers()),
    }
}

/// The session in `?sessionId=` (§4.2), if there is one; it must have been sealed for `device`.
/// Whether it still holds says [`check`].
pub fn session(
    gateway: &Gateway<'_>,
    request: &Request,
    device: &DeviceId,
) -> Result<Option<Session>, Failure> {
    let Some(token) = request::parameter(request, "sessionId") else {
        return Ok(None);
    };
    let keys = gateway.link_keys()?;
    match Session::open(&token, &keys) {
        Ok(session) if session.device == *device => Ok(Some(session)),
        Ok(_) => Err(Refusal::forbidden("the session is another device's").into()),
        Err(_) => Err(stale().into()),
    }
}

/// Refuses a session that expired, or was accepted by another epoch of the ledger, or for hardware that has been
/// replaced. One read.
pub fn check(ledger: &Ledger<'_>, session: &Session) -> Result<(), Failure> {
    let device = ledger.device(&session.device)?;
    let holds = device.is_some_and(|(device, epoch, now)| {
        session.expires_at > now && session.epoch == epoch && session.generation == device.generation
    });
    if holds { Ok(()) } else { Err(stale().into()) }
}

fn stale() -> Refusal {
    Refusal::unauthorized("the session does not hold").with_hint("log in again at /auth/{product}/{device}")
}

fn admit(is_right: bool, variable: &'static str) -> Result<(), Failure> {
    if is_right {
        Ok(())
    } else {
        Err(Refusal::forbidden(format!("the token is not the one in the variable {variable}")).into())
    }
}

/// The token of `Bearer <token>`, or of `Basic <any user>:<token>`, which is all that some brokers can send.
fn presented(headers: &HeaderMap) -> Result<String, Refusal> {
    let missing =
        || Refusal::unauthorized("no token came").with_hint("send the header authorization: Bearer <token>");
    let value = request::header(headers, AUTHORIZATION.as_str()).ok_or_else(missing)?;
    let (scheme, credentials) = value.split_once(' ').ok_or_else(missing)?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(credentials.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(credentials).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, token)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
            return Ok(token.to_owned());
        }
    }
    Err(missing())
}
