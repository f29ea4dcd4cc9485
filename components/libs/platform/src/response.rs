//! Answers.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use ota_protocol::offer::{COMMAND_PAYLOAD, TOPIC, header_value};
use serde::Serialize;

use crate::failure::Failure;

/// An answer, whole. Whoever writes it sets `content-length`.
pub type Response = http::Response<Vec<u8>>;

/// `value` as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_body(status, "application/json", body),
        Err(error) => Failure::Broken(format!("answer as json: {error}")).into_response(),
    }
}

/// Text.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
    with_body(status, "text/plain; charset=utf-8", text.into().into_bytes())
}

/// Puts a command among the headers of an answer, where devices without MQTT look for it (§4.3).
pub fn carry(response: &mut Response, topic: &str, payload: &str) -> Result<(), Failure> {
    let unfit =
        |error: &dyn std::fmt::Display| Failure::Broken(format!("command on {topic} as a header: {error}"));
    let payload = header_value(payload).map_err(|error| unfit(&error))?;
    for (name, value) in [(TOPIC, topic), (COMMAND_PAYLOAD, &payload)] {
        let value = HeaderValue::from_str(value).map_err(|error| unfit(&error))?;
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

/// `body`, of this media type.
pub fn with_body(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Nothing.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

/// Whether an answer of this status to this method has a body on the wire (RFC 9110 §6.4.1).
pub fn has_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        && !status.is_informational()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_that_it_is_json() {
        let response = json(StatusCode::CREATED, &["a"]);
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.body(), br#"["a"]"#);
    }

    #[test]
    fn head_204_and_304_have_no_body() {
        assert!(has_body(&Method::GET, StatusCode::OK));
        assert!(has_body(&Method::POST, StatusCode::SERVICE_UNAVAILABLE));
        assert!(!has_body(&Method::HEAD, StatusCode::OK));
        assert!(!has_body(&Method::POST, StatusCode::NO_CONTENT));
        assert!(!has_body(&Method::GET, StatusCode::NOT_MODIFIED));
    }
}
