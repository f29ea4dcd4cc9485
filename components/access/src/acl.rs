//! `POST /mqtt/acl`: may a device publish or subscribe here? For brokers that take no inline ACL.

use http::{Method, StatusCode};
use ota_platform::{Failure, Gateway, Refusal, Request, Response, door, request, response};
use ota_protocol::envelope::acl_request;
use ota_protocol::key::DeviceId;
use ota_protocol::topic::may;
use serde_json::json;

use crate::auth::Style;

pub(crate) fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    request::require(request, &[Method::POST], "POST")?;
    door::bridge(gateway, request.headers())?;
    let style = Style::of(request)?;
    let asked = acl_request(request.body()).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let is_own =
        DeviceId::from_username(&asked.username).is_ok_and(|device| may(&device, asked.action, &asked.topic));
    if is_own {
        return Ok(response::json(StatusCode::OK, &json!({ "result": "allow" })));
    }
    Ok(style.denial("the topic is not the device's own"))
}
