//! What devices get back (§2): `{"id":…,"code":…,"message":…,"data":…}`.
//!
//! `code` is an integer, and the data of a getversion reply is an array even in an error, because
//! an object there crashes the Java SDK.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::code::Code;
use crate::json;
use crate::message::RequestId;
use crate::offer::{Offer, WireOffer};

/// A reply in full; `message` is left out when there is none.
///
/// ```
/// use ota_protocol::{code::Code, reply::{encode, Data}};
/// let bytes = encode(None, Code::TaskNotFound, Some("Device task not found"), Data::Empty);
/// assert_eq!(bytes, br#"{"code":764,"message":"Device task not found","data":{}}"#);
/// ```
pub fn encode(id: Option<&RequestId>, code: Code, message: Option<&str>, data: Data<'_>) -> Vec<u8> {
    let reply = Reply { id, code: code.as_i64(), message, data };
    json::write(&reply).into_bytes()
}

/// Code 200 for inform, progress: `{"id":"1","code":200,"data":{}}`.
pub fn ok(id: Option<&RequestId>) -> Vec<u8> {
    encode(id, Code::Success, None, Data::Empty)
}

/// An error for inform or progress; without a message the code's own text.
pub fn error(id: Option<&RequestId>, code: Code, message: Option<&str>) -> Vec<u8> {
    encode(id, code, Some(message.unwrap_or(code.default_message())), Data::Empty)
}

/// The offers of a getversion reply; the preferred one stands last (§2 rule 10).
pub fn offers(id: Option<&RequestId>, offers: &[Offer]) -> Vec<u8> {
    encode(id, Code::Success, None, Data::Offers(offers))
}

/// An error for getversion, whose data is an array all the same.
pub fn offers_error(id: Option<&RequestId>, code: Code, message: Option<&str>) -> Vec<u8> {
    let message = message.unwrap_or(code.default_message());
    encode(id, code, Some(message), Data::Offers(&[]))
}

/// The answer to an HTTP login that was accepted (§4.1).
pub fn session(session_id: &str) -> Vec<u8> {
    let message = Code::Success.default_message();
    encode(None, Code::Success, Some(message), Data::Session(session_id))
}

/// The `data` of a reply.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// `{}`: inform and progress.
    Empty,
    /// An array: getversion, whatever its outcome.
    Offers(&'a [Offer]),
    /// `{"sessionId":…}`: the HTTP login.
    Session(&'a str),
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_map(Some(0))?.end(),
            Self::Offers(offers) => serializer.collect_seq(offers.iter().map(WireOffer::from)),
            Self::Session(id) => serializer.collect_map([("sessionId", id)]),
        }
    }
}

#[derive(Serialize)]
struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RequestId>,
    code: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    data: Data<'a>,
}

#[cfg(test)]
mod tests;
