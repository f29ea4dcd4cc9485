//! Who may come in: the login and the rights of MQTT devices for brokers and bridges, presence, and the login of
//! devices without MQTT.
//!
//! Fails closed: whatever goes wrong, nobody is let in. Decides nothing about updates.

mod acl;
mod auth;
mod http_login;
mod presence;

use ota_platform::{Failure, Gateway, Refusal, Request, Response};

/// Serves one request.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    let answer = match request.uri().path() {
        "/mqtt/auth" => auth::answer(gateway, request),
        "/mqtt/acl" => acl::answer(gateway, request),
        "/mqtt/presence" => presence::answer(gateway, request),
        path if path.starts_with("/auth/") => http_login::answer(gateway, request),
        path => Err(Refusal::not_found(format!("there is nothing at {path}")).into()),
    };
    answer.unwrap_or_else(Failure::into_response)
}

ota_platform::component!(handle, ota_platform::request::CONTROL_BODY);
