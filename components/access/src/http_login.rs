//! `POST /auth/{product}/{device}`: a device without MQTT logs in (PROTOCOL §4.1).

use http::{Method, StatusCode};
use ota_ledger::Ledger;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, request, response};
use ota_protocol::code::Code;
use ota_protocol::http_login::HttpLogin;
use ota_protocol::key::DeviceId;
use ota_protocol::query::percent_decode;
use ota_protocol::reply;
use ota_protocol::session::Session;

pub(crate) fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let device = device(request.uri().path())?;
    request::require(request, &[Method::POST], "POST")?;
    let login = match HttpLogin::decode(&device, request.body()) {
        Ok(login) => login,
        Err(malformed) => return Ok(said(&reply::error(None, malformed.code, Some(&malformed.message)))),
    };
    let keys = gateway.link_keys()?;
    let session = gateway.decide(|ledger| check(gateway, ledger, &device, &login))?;
    Ok(said(&match session {
        Some(session) => reply::session(&session.sign(&keys)),
        None => reply::error(
            None,
            Code::DeviceNotFound,
            Some("the device is not registered, or its sign is wrong"),
        ),
    }))
}

fn check(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    id: &DeviceId,
    login: &HttpLogin,
) -> Result<Option<Session>, Failure> {
    let keys = gateway.secret_keys()?;
    let Some((device, epoch, now)) = ledger.device(id)? else { return Ok(None) };
    let secret = keys.open(id, &device.secret)?;
    Ok(login.verify(&secret).then(|| Session {
        epoch,
        device: device.id,
        generation: device.generation,
        expires_at: now + login.lifetime_ms(),
    }))
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
