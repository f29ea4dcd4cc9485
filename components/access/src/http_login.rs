//! `POST /auth/{product}/{device}`: a device without MQTT logs in (PROTOCOL §4.1), and hears of what it was granted: the
//! vendor's SDK reads a command from this answer as from any other (§4.3).

use http::{Method, StatusCode};
use ota_ledger::Ledger;
use ota_ledger::command::Command;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, request, response};
use ota_protocol::code::Code;
use ota_protocol::http_login::HttpLogin;
use ota_protocol::key::DeviceId;
use ota_protocol::query::percent_decode;
use ota_protocol::reply;
use ota_protocol::session::Session;
use ota_protocol::topic::upgrade_topic;

pub(crate) fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let device = device(request.uri().path())?;
    request::require(request, &[Method::POST], "POST")?;
    let login = match HttpLogin::decode(&device, request.body()) {
        Ok(login) => login,
        Err(malformed) => return Ok(said(&reply::error(None, malformed.code, Some(&malformed.message)))),
    };
    let keys = gateway.link_keys()?;
    let admitted = gateway.decide(|ledger| check(gateway, ledger, &device, &login))?;
    let Some(Admitted { session, command }) = admitted else {
        let message = "the device is not registered, or its sign is wrong";
        return Ok(said(&reply::error(None, Code::DeviceNotFound, Some(message))));
    };
    let mut response = said(&reply::session(&session.sign(&keys)));
    let carried = command.map_or(Ok(()), |command| {
        response::carry(&mut response, &upgrade_topic(&device), &gateway.upgrade(&command)?)
    });
    if let Err(failure) = carried {
        // The next message of the device, which has its session, brings it.
        eprintln!("the command for {device} is not told at its login: {failure}");
    }
    Ok(response)
}

/// A device that proved who it is.
struct Admitted {
    session: Session,
    /// What it was granted before, and has not shown a sign of.
    command: Option<Command>,
}

fn check(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    id: &DeviceId,
    login: &HttpLogin,
) -> Result<Option<Admitted>, Failure> {
    let keys = gateway.secret_keys()?;
    let Some((device, epoch, now)) = ledger.device(id)? else { return Ok(None) };
    let secret = keys.open(id, &device.secret)?;
    if !login.verify(&secret) {
        return Ok(None);
    }
    let expires_at = now + login.holds_ms();
    let session = Session { epoch, device: device.id, generation: device.generation, expires_at };
    Ok(Some(Admitted { session, command: ledger.pending(id)? }))
}

fn device(path: &str) -> Result<DeviceId, Refusal> {
    let nowhere = || Refusal::not_found("log in at /auth/{product}/{device}");
    let keys = path.strip_prefix("/auth/").and_then(|keys| keys.split_once('/'));
    let (product, device) = keys.ok_or_else(nowhere)?;
    let decoded = |key| percent_decode(key).ok_or_else(nowhere);
    DeviceId::parse(&decoded(product)?, &decoded(device)?)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}

fn said(reply: &[u8]) -> Response {
    response::with_body(StatusCode::OK, "application/json", reply.to_vec())
}
