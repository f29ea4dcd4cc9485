//! Serves a device topic: the door, the decoding, the reply and its way back, the same for all four.
//!
//! A component gives its decoder and its decision; what it is told is a [`Call`], what it says an [`Answer`].

mod arrival;
mod delivery;

use http::StatusCode;
use ota_ledger::Ledger;
use ota_protocol::code::Code;
use ota_protocol::key::DeviceId;
use ota_protocol::message::{self, Malformed, RequestId};
use ota_protocol::offer::Offer;
use ota_protocol::reply;
use ota_protocol::topic::{Uplink, UplinkTopic, upgrade_topic};

use self::arrival::Arrival;
use self::delivery::Parcel;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::request::Request;
use crate::response::{self, Response};

/// Serves `uplink` under `/topic/…` and `/webhook/…`.
///
/// A message that cannot be decoded gets its protocol error, with 200. `decide` runs a second time when the
/// ledger had to be created or migrated first, and again whenever the caller repeats the message: what it does, it
/// must do once.
pub fn serve<T>(
    gateway: &Gateway<'_>,
    request: &Request,
    uplink: Uplink,
    parse: impl Fn(&[u8]) -> Result<message::Request<T>, Malformed>,
    decide: impl Fn(&Ledger<'_>, &Call<T>) -> Result<Answer, Failure>,
) -> Response {
    process(gateway, request, uplink, parse, decide).unwrap_or_else(Failure::into_response)
}

/// What a device said, and what is known of its way here.
#[derive(Debug, Clone)]
pub struct Call<T> {
    /// Whose topic it came on. It was checked by whoever called: a bridge, a broker, or a session.
    pub device: DeviceId,
    /// What it said.
    pub params: T,
    /// Milliseconds since a listening bridge took the message from the device's socket, by the bridge's own
    /// monotonic clock. `None`: it did not come through one, so it may be any time old.
    pub age_ms: Option<i64>,
    /// The bridge that holds the device's session, if one does.
    pub bridge: Option<String>,
    /// Whether the device itself calls, over HTTP: it hears of a command only in an answer.
    pub is_session: bool,
}

/// What a device is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    outcome: Outcome,
    command: Option<String>,
}

impl Answer {
    /// Code 200 without data.
    pub fn done() -> Self {
        Self::of(Outcome::Done)
    }

    /// Code 200 with what the device may take, the preferred one last (§2 rule 10).
    pub fn offers(offers: Vec<Offer>) -> Self {
        Self::of(Outcome::Offers(offers))
    }

    /// A protocol error, with the text that goes with its code.
    pub fn refused(code: Code) -> Self {
        Self::of(Outcome::Refused(code, None))
    }

    /// A protocol error, with a text that says more.
    pub fn refused_because(code: Code, message: impl Into<String>) -> Self {
        Self::of(Outcome::Refused(code, Some(message.into())))
    }

    /// The same, with a command that follows the reply to the device's upgrade topic:
    /// the JSON of [`ota_protocol::offer::upgrade_command`].
    #[must_use]
    pub fn with_command(mut self, payload: Option<String>) -> Self {
        self.command = payload;
        self
    }

    fn of(outcome: Outcome) -> Self {
        Self { outcome, command: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Done,
    Offers(Vec<Offer>),
    Refused(Code, Option<String>),
}

fn process<T>(
    gateway: &Gateway<'_>,
    request: &Request,
    uplink: Uplink,
    parse: impl Fn(&[u8]) -> Result<message::Request<T>, Malformed>,
    decide: impl Fn(&Ledger<'_>, &Call<T>) -> Result<Answer, Failure>,
) -> Result<Response, Failure> {
    let Some(arrival) = Arrival::of(gateway, request, uplink)? else {
        return Ok(response::empty(StatusCode::NO_CONTENT));
    };
    let (id, answer) = match parse(&arrival.payload) {
        Ok(message) => {
            let call = Call {
                device: arrival.device.clone(),
                params: message.params,
                age_ms: arrival.age_ms,
                bridge: arrival.bridge,
                is_session: arrival.caller.is_device(),
            };
            let answer = gateway.decide(|ledger| {
                arrival.caller.check(ledger)?;
                decide(ledger, &call)
            })?;
            (message.id, answer)
        }
        Err(malformed) => (malformed.id, Answer::refused_because(malformed.code, malformed.message)),
    };
    let topic = UplinkTopic { device: arrival.device, uplink };
    let parcel = Parcel {
        reply: topic.reply().map(|topic| (topic, encode(uplink, id.as_ref(), &answer.outcome))),
        command: answer.command.map(|payload| (upgrade_topic(&topic.device), payload)),
    };
    parcel.deliver(gateway, arrival.way_back)
}

fn encode(uplink: Uplink, id: Option<&RequestId>, outcome: &Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Done => reply::ok(id),
        Outcome::Offers(offers) => reply::offers(id, offers),
        Outcome::Refused(code, message) if uplink == Uplink::Getversion => {
            reply::offers_error(id, *code, message.as_deref())
        }
        Outcome::Refused(code, message) => reply::error(id, *code, message.as_deref()),
    }
}
