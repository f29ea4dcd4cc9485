//! `POST /mqtt/auth`: a device connects to a broker or a bridge.
//!
//! An unknown device and a wrong password are told apart to nobody.

use http::{Method, StatusCode};
use ota_ledger::Ledger;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, door, request, response};
use ota_protocol::envelope::{AuthRequest, auth_request};
use ota_protocol::key::DeviceId;
use ota_protocol::login::{MqttLogin, SecureMode};
use ota_protocol::topic::own_topics;
use serde_json::{Value, json};

/// How a broker wants to be told. NanoMQ reads the status alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// 200 with `{"result":"allow"|"deny"}`.
    Json,
    /// 200, or 403: `?style=status`.
    Status,
}

pub(crate) fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    request::require(request, &[Method::POST], "POST")?;
    door::bridge(gateway, request.headers())?;
    let style = Style::of(request)?;
    let login = auth_request(request.body()).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let admitted = match MqttLogin::parse(&login.client_id, &login.username) {
        Ok(parsed) => gateway.decide(|ledger| check(gateway, ledger, &parsed, &login))?,
        Err(error) => Err(error.to_string()),
    };
    Ok(match admitted {
        Ok(device) => response::json(StatusCode::OK, &allowed(&device)),
        Err(reason) => style.denial(&reason),
    })
}

/// The device that logged in, or why it is not let in.
fn check(
    gateway: &Gateway<'_>,
    ledger: &Ledger<'_>,
    login: &MqttLogin,
    request: &AuthRequest,
) -> Result<Result<DeviceId, String>, Failure> {
    if login.secure_mode() != SecureMode::Device {
        return Ok(Err(
            "securemode 3 (product secret) is not served, log in with the device's own".to_owned()
        ));
    }
    let keys = gateway.secret_keys()?;
    let Some((device, ..)) = ledger.device(login.device())? else {
        return Ok(Err(DENIED.to_owned()));
    };
    let secret = keys.open(login.device(), &device.secret)?;
    if login.verify(request.password.expose(), &secret) {
        return Ok(Ok(device.id));
    }
    Ok(Err(DENIED.to_owned()))
}

const DENIED: &str = "the device is not registered, or its password is wrong";

impl Style {
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        match request::parameter(request, "style").as_deref() {
            None | Some("json") => Ok(Self::Json),
            Some("status") => Ok(Self::Status),
            Some(other) => Err(Refusal::bad_request(format!("style is {other:?}, must be json or status"))),
        }
    }

    /// A denial that no broker can mistake: RMQTT takes other statuses than 200, and EMQX unknown bodies,
    /// for *don't know*.
    pub(crate) fn denial(self, reason: &str) -> Response {
        let status = match self {
            Self::Json => StatusCode::OK,
            Self::Status => StatusCode::FORBIDDEN,
        };
        response::json(status, &json!({ "result": "deny", "reason": reason }))
    }
}

/// What a device may do, in the form that EMQX and RMQTT both take, so that no further call is made per message.
fn allowed(device: &DeviceId) -> Value {
    let mut acl: Vec<Value> = own_topics(device)
        .iter()
        .map(|own| json!({ "permission": "allow", "action": own.action.as_str(), "topic": own.topic }))
        .collect();
    acl.push(json!({ "permission": "deny", "action": "all", "topic": "#" }));
    json!({
        "result": "allow",
        "superuser": false,
        "is_superuser": false,
        "product": device.product.as_str(),
        "device": device.device.as_str(),
        "acl": acl,
    })
}
