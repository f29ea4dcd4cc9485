//! A message that a device published, as its broker wraps it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EnvelopeError, present};
use crate::json::Scalar;
use crate::key::DeviceId;
use crate::topic;

/// Takes a device's message out of its envelope.
///
/// ```
/// use ota_protocol::envelope::{decode, Dialect, Envelope};
/// let body = br#"{"action":"message_publish","topic":"/sys/pk/dk/ota/device/inform","payload":"eyJpZCI6MX0=","retain":false}"#;
/// let Envelope::Incoming(incoming) = decode(Dialect::Rmqtt, body)? else { panic!() };
/// assert_eq!(incoming.payload, br#"{"id":1}"#);
/// # Ok::<(), ota_protocol::envelope::EnvelopeError>(())
/// ```
pub fn decode(dialect: Dialect, body: &[u8]) -> Result<Envelope, EnvelopeError> {
    match dialect {
        Dialect::Rmqtt | Dialect::Nanomq => Hook::read(body)?.open(),
        Dialect::Cloudevents => CloudEvent::read(body)?.open(),
    }
}

/// Whose JSON it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// RMQTT's web-hook; EMQX's rule output without a body template reads the same.
    Rmqtt,
    /// NanoMQ's webhook.
    Nanomq,
    /// A CloudEvent in structured mode whose subject is the topic (Azure Event Grid).
    Cloudevents,
}

impl Dialect {
    /// The dialect of a path segment below `/webhook/`.
    ///
    /// ```
    /// use ota_protocol::envelope::Dialect;
    /// assert_eq!(Dialect::parse("nanomq"), Some(Dialect::Nanomq));
    /// ```
    pub fn parse(segment: &str) -> Option<Self> {
        match segment {
            "rmqtt" => Some(Self::Rmqtt),
            "nanomq" => Some(Self::Nanomq),
            "cloudevents" => Some(Self::Cloudevents),
            _ => None,
        }
    }
}

/// What was in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A message to process.
    Incoming(Incoming),
    /// Nothing to do; answer success, or the broker posts it again.
    Ignored(Ignored),
}

/// A message as the device published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The topic, which decides; the path of the webhook is only routing.
    pub topic: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// The publisher's client id, where the broker tells it.
    pub client_id: Option<String>,
    /// The publisher's username, where the broker tells it.
    pub username: Option<String>,
    /// When the broker took it, in milliseconds since 1970, where the broker tells it.
    pub timestamp_ms: Option<i64>,
}

impl Incoming {
    /// Whether the username names a device, and another one than `device`: a forged topic on a
    /// broker without ACL. Usernames that name no device say nothing.
    pub fn contradicts(&self, device: &DeviceId) -> bool {
        let named = self.username.as_deref().map(DeviceId::from_username);
        named.is_some_and(|named| named.is_ok_and(|named| named != *device))
    }
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// Published through the broker's own API: most likely by us.
    Admin,
    /// An old message that the broker kept.
    Retained,
    /// A reply or a push: published by us, and heard by a filter that is too wide.
    Downlink,
    /// The broker tells of something else than a publish.
    OtherEvent,
}

/// The JSON of RMQTT, NanoMQ, and EMQX by default.
#[derive(Deserialize)]
struct Hook<'a> {
    action: Option<String>,
    event: Option<String>,
    topic: Option<String>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    retain: bool,
    flags: Option<Flags>,
    from_type: Option<String>,
    from_clientid: Option<String>,
    from_client_id: Option<String>,
    clientid: Option<String>,
    client_id: Option<String>,
    from_username: Option<String>,
    username: Option<String>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    publish_received_at: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

/// Where EMQX puts the retain flag.
#[derive(Deserialize)]
struct Flags {
    #[serde(default)]
    retain: bool,
}

impl<'a> Hook<'a> {
    fn read(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        Ok(serde_json::from_slice(body)?)
    }

    fn open(self) -> Result<Envelope, EnvelopeError> {
        let happening = self.action.as_deref().or(self.event.as_deref()).unwrap_or_default();
        if is_other_event(happening) {
            return Ok(Envelope::Ignored(Ignored::OtherEvent));
        }
        if self.from_type.as_deref() == Some("admin") {
            return Ok(Envelope::Ignored(Ignored::Admin));
        }
        let retain = self.retain || self.flags.is_some_and(|flags| flags.retain);
        let stamps = [self.ts, self.publish_received_at, self.timestamp];
        let incoming = Incoming {
            topic: present(self.topic).ok_or(EnvelopeError::Missing("topic"))?,
            payload: payload(self.payload.ok_or(EnvelopeError::Missing("payload"))?),
            client_id: present(self.from_clientid)
                .or(present(self.from_client_id))
                .or(present(self.clientid))
                .or(present(self.client_id)),
            username: present(self.from_username).or(present(self.username)),
            timestamp_ms: stamps.into_iter().flatten().find_map(|raw| Scalar::of(raw).into_integer()),
        };
        Ok(incoming.unless_ignored(retain))
    }
}

/// A CloudEvent 1.0, structured mode.
#[derive(Deserialize)]
struct CloudEvent<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

impl<'a> CloudEvent<'a> {
    fn read(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        Ok(serde_json::from_slice(body)?)
    }

    fn open(self) -> Result<Envelope, EnvelopeError> {
        let kind = self.kind.unwrap_or_default();
        if kind.starts_with("Microsoft.EventGrid.") {
            return Ok(Envelope::Ignored(Ignored::OtherEvent));
        }
        let payload = match (self.data_base64, self.data) {
            (Some(data), _) => decode_base64(&data).unwrap_or_else(|| data.into_bytes()),
            (None, Some(data)) => text_or_json(data),
            (None, None) => Vec::new(),
        };
        let incoming = Incoming {
            topic: present(self.subject).ok_or(EnvelopeError::Missing("subject"))?,
            payload,
            client_id: None,
            username: None,
            timestamp_ms: None,
        };
        Ok(incoming.unless_ignored(false))
    }
}

impl Incoming {
    fn unless_ignored(self, retain: bool) -> Envelope {
        if topic::is_downlink(&self.topic) {
            Envelope::Ignored(Ignored::Downlink)
        } else if retain {
            Envelope::Ignored(Ignored::Retained)
        } else {
            Envelope::Incoming(self)
        }
    }
}

/// Events of RMQTT, NanoMQ and EMQX that are not a device's publish, some of which carry a topic
/// and a payload all the same. RMQTT lets a rule name its action freely, so the rest is a publish.
fn is_other_event(happening: &str) -> bool {
    let name = happening.replace('.', "_");
    name.starts_with("client_")
        || name.starts_with("session_")
        || name == "offline_message"
        || (name.starts_with("message_") && name != "message_publish")
}

/// Plain if the first character that is no space is `{`, else base64. Base64 has no `{`, and our
/// payloads are objects, so the two cannot be confused. What is neither is the device's own mistake
/// and comes out as it is, to be refused as such.
fn payload(raw: &RawValue) -> Vec<u8> {
    let bytes = text_or_json(raw);
    if bytes.trim_ascii_start().starts_with(b"{") {
        return bytes;
    }
    let decoded = std::str::from_utf8(&bytes).ok().and_then(decode_base64);
    decoded.unwrap_or(bytes)
}

/// The text of a string; any other value as it is spelled.
fn text_or_json(raw: &RawValue) -> Vec<u8> {
    match Scalar::of(raw) {
        Scalar::Text(text) => text.into_bytes(),
        Scalar::Null => Vec::new(),
        Scalar::Number(text) | Scalar::Other(text) => text.as_bytes().to_vec(),
    }
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, LENIENT).decode(text.trim()).ok()
}
