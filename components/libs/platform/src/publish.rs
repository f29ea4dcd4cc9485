//! Publishing through a broker's HTTP API, for deployments whose broker cannot use a response.
//!
//! `{"topic","payload","qos","retain","encoding"}` is understood by EMQX, RMQTT and NanoMQ alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;

use crate::failure::Failure;
use crate::gateway::{Gateway, PUBLISH_PATH, PUBLISH_TOKEN, PUBLISH_URL};

/// Publishes `payload` on `topic` with `QoS` 1, not retained. Once it returns, the broker has it;
/// otherwise whoever called us has to send its message again.
pub fn publish(gateway: &Gateway<'_>, topic: &str, payload: &str) -> Result<(), Failure> {
    let (url, path) = (gateway.required(PUBLISH_URL)?, gateway.required(PUBLISH_PATH)?);
    let url: Uri = format!("{}{path}", url.trim_end_matches('/'))
        .parse()
        .map_err(|error| Failure::Broken(format!("variables {PUBLISH_URL} and {PUBLISH_PATH}: {error}")))?;
    let token = gateway.required(PUBLISH_TOKEN)?;
    let message = Message { topic, payload, qos: 1, retain: false, encoding: "plain" };
    let body = serde_json::to_vec(&message)
        .map_err(|error| Failure::Broken(format!("message to publish: {error}")))?;
    let request = http::Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, authorization(&token))
        .body(body)
        .map_err(|error| Failure::Broken(format!("variable {PUBLISH_TOKEN}: {error}")))?;
    let response = gateway.outbound.send(request)?;
    if response.status().is_success() {
        Ok(())
    } else {
        let status = response.status();
        let text: String = String::from_utf8_lossy(response.body()).chars().take(200).collect();
        Err(Failure::Broken(format!("publish api answered {status}: {text}")))
    }
}

/// Whether there is a broker to publish to.
pub fn is_configured(gateway: &Gateway<'_>) -> bool {
    gateway.required(PUBLISH_TOKEN).is_ok()
}

#[derive(Serialize)]
struct Message<'a> {
    topic: &'a str,
    payload: &'a str,
    qos: u8,
    retain: bool,
    encoding: &'static str,
}

/// `user:password` (EMQX's API key and secret) as Basic, anything else as Bearer.
fn authorization(token: &str) -> String {
    if token.contains(':') { format!("Basic {}", STANDARD.encode(token)) } else { format!("Bearer {token}") }
}
