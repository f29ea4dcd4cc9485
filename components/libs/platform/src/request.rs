//! Requests, as plain values. Identity comes from the URI and never from headers that a client can forge.

use http::{HeaderMap, Method};
use ota_protocol::query;

use crate::failure::Refusal;

/// A request, whole. A body above the cap of its route is cut one byte past that cap: enough for
/// whoever reads it to see that it is too large.
pub type Request = http::Request<Vec<u8>>;

/// The most that is read of a message that a device sent: one byte more and it is refused with code 1008.
pub const DEVICE_BODY: usize = ota_protocol::message::MAX_PAYLOAD;

/// The most that is read of a broker's envelope: the largest message in base64, and room around it.
/// The cap of every component of a device topic, since envelopes come to them too.
pub const ENVELOPE_BODY: usize = DEVICE_BODY.div_ceil(3) * 4 + 16 * 1024;

/// The most that is read of what an operator, a bridge or a broker's hook says at once.
pub const CONTROL_BODY: usize = 4 * 1024 * 1024;

/// The first value of a header, if it is text. `undefined` is how EMQX writes what it does not have: absent.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty() && value != "undefined").then_some(value)
}

/// The decoded value of a query parameter.
pub fn parameter(request: &Request, name: &str) -> Option<String> {
    query::value(request.uri().query()?, name)
}

/// Refuses every other method with 405; `allowed` is what `Allow` will say.
pub fn require(request: &Request, methods: &[Method], allowed: &'static str) -> Result<(), Refusal> {
    if methods.contains(request.method()) { Ok(()) } else { Err(Refusal::method_not_allowed(allowed)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undefined_header_is_absent() {
        let mut headers = HeaderMap::new();
        assert_eq!(header(&headers, "x-ota-bridge"), None);
        for (value, expected) in [("b1", Some("b1")), (" b1 ", Some("b1")), ("", None), ("undefined", None)] {
            headers.insert("x-ota-bridge", value.parse().unwrap());
            assert_eq!(header(&headers, "x-ota-bridge"), expected, "{value:?}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let request = Request::new(Vec::new());
        assert_eq!(parameter(&request, "a"), None);
        let request = http::Request::get("/x?a=b%20c&d").body(Vec::new()).unwrap();
        assert_eq!(parameter(&request, "a").as_deref(), Some("b c"));
        assert_eq!(parameter(&request, "d").as_deref(), Some(""));
    }

    #[test]
    fn other_methods_are_told_which_they_may_use() {
        let request = Request::new(Vec::new());
        assert!(require(&request, &[Method::GET], "GET").is_ok());
        let refusal = require(&request, &[Method::POST], "POST").unwrap_err();
        assert_eq!(refusal.into_response().headers()["allow"], "POST");
    }
}
