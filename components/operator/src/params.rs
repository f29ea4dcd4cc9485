//! Reading what operators send: bodies and query parameters, each with an answer that names what is wrong.

use ota_platform::{Refusal, Request, request};
use ota_protocol::key::DeviceKey;
use serde::de::DeserializeOwned;

/// The most rows that one page has.
pub(crate) const MOST_ROWS: i64 = 1000;
/// The rows of a page that says nothing.
const ROWS: i64 = 100;
/// The most characters of a wrong value that an answer repeats.
const MOST_QUOTED: usize = 128;

/// The body as JSON of the expected shape; the answer to another names the field.
pub(crate) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    if request.body().len() > request::CONTROL_BODY {
        return Err(Refusal::too_large(request::CONTROL_BODY));
    }
    let mut json = serde_json::Deserializer::from_slice(request.body());
    let told: Result<T, String> = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| match error.path().to_string() {
            path if path == "." => error.into_inner().to_string(),
            path => format!("{path}: {}", error.into_inner()),
        })
        .and_then(|told| json.end().map(|()| told).map_err(|error| error.to_string()));
    told.map_err(|why| Refusal::bad_request(format!("the body is not as expected: {}", cut(&why, 1000))))
}

/// The same, where a body may be missing.
pub(crate) fn optional_body<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Refusal> {
    if request.body().is_empty() { Ok(T::default()) } else { body(request) }
}

/// The query parameter `limit`, 1 to 1000.
pub(crate) fn limit(request: &Request) -> Result<i64, Refusal> {
    let Some(text) = request::parameter(request, "limit") else { return Ok(ROWS) };
    match text.parse() {
        Ok(limit) if (1..=MOST_ROWS).contains(&limit) => Ok(limit),
        _ => Err(Refusal::bad_request(format!("limit is {}, must be 1 to {MOST_ROWS}", quoted(&text)))),
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
            Err(Refusal::bad_request(format!("{name} is {}, must have no control characters", quoted(&text))))
        }
        text => Ok(text),
    }
}

/// A query parameter that is a whole number, `what` it is in words.
pub(crate) fn number(request: &Request, name: &str, what: &str) -> Result<Option<i64>, Refusal> {
    let text = request::parameter(request, name).filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Refusal::bad_request(format!("{name} is {}, must be {what}", quoted(&text))))
}

/// A query parameter that is `true` or `false`; `None` when it is absent.
pub(crate) fn flag(request: &Request, name: &str) -> Result<Option<bool>, Refusal> {
    match request::parameter(request, name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(text) => Err(Refusal::bad_request(format!("{name} is {}, must be true or false", quoted(text)))),
    }
}

/// The device key that `text` is.
pub(crate) fn device_key(text: &str) -> Result<DeviceKey, Refusal> {
    DeviceKey::parse(text).map_err(|error| Refusal::bad_request(format!("device {}: {error}", quoted(text))))
}

/// `value`, if it is within its limits.
pub(crate) fn within(name: &str, value: i64, least: i64, most: i64) -> Result<i64, Refusal> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Refusal::bad_request(format!("{name} is {value}, must be {least} to {most}")))
}

/// A wrong value as an answer repeats it: escaped, and cut.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text, MOST_QUOTED))
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
