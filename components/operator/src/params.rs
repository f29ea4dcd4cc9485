//! Reading what operators send: bodies and query parameters, each with an answer that names what is wrong.

use ota_platform::{Refusal, Request, request};
use serde::de::DeserializeOwned;

/// The most rows that one page has.
pub(crate) const MOST_ROWS: i64 = 1000;
/// The rows of a page that says nothing.
const ROWS: i64 = 100;

/// The body as JSON of the expected shape.
pub(crate) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    if request.body().len() > request::CONTROL_BODY {
        return Err(Refusal::too_large(request::CONTROL_BODY));
    }
    serde_json::from_slice(request.body())
        .map_err(|error| Refusal::bad_request(format!("the body is not as expected: {error}")))
}

/// The query parameter `limit`, 1 to 1000.
pub(crate) fn limit(request: &Request) -> Result<i64, Refusal> {
    let Some(text) = request::parameter(request, "limit") else { return Ok(ROWS) };
    match text.parse() {
        Ok(limit) if (1..=MOST_ROWS).contains(&limit) => Ok(limit),
        _ => Err(Refusal::bad_request(format!("limit is {text:?}, must be 1 to {MOST_ROWS}"))),
    }
}

/// The query parameter `after`: a page begins behind it. Empty when it is absent.
pub(crate) fn after(request: &Request) -> Result<String, Refusal> {
    Ok(text(request, "after")?.unwrap_or_default())
}

/// A query parameter that is looked for in the ledger, which has no control characters.
pub(crate) fn text(request: &Request, name: &str) -> Result<Option<String>, Refusal> {
    match request::parameter(request, name) {
        Some(text) if text.chars().any(char::is_control) => {
            Err(Refusal::bad_request(format!("{name} is {text:?}, must have no control characters")))
        }
        text => Ok(text),
    }
}
