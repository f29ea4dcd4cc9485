//! How a message came: straight under its topic, or in a broker's envelope; and whether its bearer may bring it.

use std::borrow::Cow;

use http::Method;
use ota_ledger::Ledger;
use ota_protocol::envelope::{self, Dialect, Envelope};
use ota_protocol::key::DeviceId;
use ota_protocol::session::Session;
use ota_protocol::topic::{Uplink, UplinkTopic};

use crate::door;
use crate::failure::{Failure, Refusal};
use crate::gateway::Gateway;
use crate::request::{self, ENVELOPE_BODY, Request};

/// A message at our door, admitted, its payload not yet looked at.
pub(super) struct Arrival<'r> {
    pub(super) device: DeviceId,
    pub(super) payload: Cow<'r, [u8]>,
    pub(super) age_ms: Option<i64>,
    pub(super) bridge: Option<String>,
    pub(super) caller: Caller,
    pub(super) way_back: WayBack,
}

/// Who brought it.
pub(super) enum Caller {
    /// A bridge or a broker: it checked the device itself.
    Bridge,
    /// The device, in a session.
    Device(Session),
}

/// How the reply goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayBack {
    /// In the response.
    Response,
    /// Through the broker's publish API.
    Publish,
}

impl<'r> Arrival<'r> {
    /// The message in `request`, or `None` when the envelope holds nothing that a device said.
    pub(super) fn of(
        gateway: &Gateway<'_>,
        request: &'r Request,
        uplink: Uplink,
    ) -> Result<Option<Self>, Failure> {
        let path = request.uri().path();
        if path.starts_with("/topic/") {
            Self::of_topic(gateway, request, uplink).map(Some)
        } else if let Some(dialect) = dialect(path, uplink) {
            Self::of_envelope(gateway, request, uplink, dialect)
        } else {
            Err(Refusal::not_found("there is nothing at this path").into())
        }
    }

    fn of_topic(gateway: &Gateway<'_>, request: &'r Request, uplink: Uplink) -> Result<Self, Failure> {
        let topic = UplinkTopic::from_path(request.uri().path())
            .map_err(|error| Refusal::not_found(error.to_string()))?;
        if topic.uplink != uplink {
            return Err(Refusal::not_found(format!("{topic} is not served here")).into());
        }
        request::require(request, &[Method::POST], "POST")?;
        let session = door::session(gateway, request, &topic.device)?;
        if session.is_none() {
            door::bridge(gateway, request.headers())?;
        }
        let caller = session.map_or(Caller::Bridge, Caller::Device);
        // What only a bridge knows is not for a device to claim.
        let told = |name| match caller {
            Caller::Bridge => request::header(request.headers(), name),
            Caller::Device(_) => None,
        };
        Ok(Self {
            age_ms: told("x-mqtt-age").and_then(|age| age.parse().ok()).filter(|age| *age >= 0),
            bridge: told("x-ota-bridge").map(str::to_owned),
            way_back: match told("x-mqtt-reply") {
                Some("publish") => WayBack::Publish,
                _ => WayBack::Response,
            },
            device: topic.device,
            payload: Cow::Borrowed(request.body()),
            caller,
        })
    }

    fn of_envelope(
        gateway: &Gateway<'_>,
        request: &'r Request,
        uplink: Uplink,
        dialect: Dialect,
    ) -> Result<Option<Self>, Failure> {
        request::require(request, &[Method::POST], "POST")?;
        door::bridge(gateway, request.headers())?;
        if request.body().len() > ENVELOPE_BODY {
            return Err(Refusal::too_large(ENVELOPE_BODY).into());
        }
        let envelope = envelope::decode(dialect, request.body())
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        let incoming = match envelope {
            Envelope::Incoming(incoming) => incoming,
            Envelope::Ignored(_) => return Ok(None),
        };
        // A device chose the topic, not the operator: some brokers repeat for a minute what is refused.
        let topic = match UplinkTopic::parse(&incoming.topic) {
            Ok(topic) => topic,
            Err(error) => {
                eprintln!("ignored: {error}");
                return Ok(None);
            }
        };
        if incoming.contradicts(&topic.device) {
            eprintln!("ignored: {:?} published on {topic}", incoming.username);
            return Ok(None);
        }
        if topic.uplink != uplink {
            let hint = format!("post this topic to the webhook {}", topic.uplink.as_str());
            return Err(Refusal::bad_request(format!("{topic} is not served here")).with_hint(hint).into());
        }
        Ok(Some(Self {
            device: topic.device,
            payload: Cow::Owned(incoming.payload),
            age_ms: None,
            bridge: None,
            caller: Caller::Bridge,
            way_back: WayBack::Publish,
        }))
    }
}

impl Caller {
    /// Whether it is the device itself.
    pub(super) fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    /// Refuses a device whose session no longer holds, by the ledger's clock, epoch and generation.
    pub(super) fn check(&self, ledger: &Ledger<'_>) -> Result<(), Failure> {
        match self {
            Self::Bridge => Ok(()),
            Self::Device(session) => door::check(ledger, session),
        }
    }
}

/// The dialect of `/webhook/{dialect}/{uplink}`.
fn dialect(path: &str, uplink: Uplink) -> Option<Dialect> {
    let (dialect, verb) = path.strip_prefix("/webhook/")?.split_once('/')?;
    (verb == uplink.as_str()).then(|| Dialect::parse(dialect)).flatten()
}
