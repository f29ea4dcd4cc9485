//! A command on its way to a device, however it reached the bridge: in a header, by presence or by a sweep.

use bytes::Bytes;
use http::HeaderMap;
use ota_protocol::key::{DeviceId, KeyError};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::topics::is_own;

/// A message for one device that it is to acknowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) device: DeviceId,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// The gateway's name for it, from the payload; without one nobody waits for its acknowledgement.
    pub(crate) push: Option<PushId>,
}

impl Command {
    /// # Errors
    /// The topic is not one of the device's own, or is a filter.
    pub(crate) fn new(device: DeviceId, topic: String, payload: Bytes) -> Result<Self, CommandError> {
        if !is_own(&device, &topic) || topic.contains(['+', '#', '\0']) {
            return Err(CommandError::ForeignTopic { device, topic });
        }
        let push = PushId::of(&payload);
        Ok(Self { device, topic, payload, push })
    }

    /// The command in the headers `topic` and `command-payload`, if they are there.
    pub(crate) fn from_headers(device: &DeviceId, headers: &HeaderMap) -> Option<Result<Self, CommandError>> {
        let topic = headers.get("topic")?.to_str().ok()?.to_owned();
        let payload = Bytes::copy_from_slice(headers.get("command-payload")?.as_bytes());
        Some(Self::new(device.clone(), topic, payload))
    }
}

/// A command as the answers to presence and sweep spell it.
#[derive(Debug, Deserialize)]
pub(crate) struct CommandRecord {
    product: String,
    device: String,
    topic: String,
    payload: String,
}

impl TryFrom<CommandRecord> for Command {
    type Error = CommandError;

    fn try_from(record: CommandRecord) -> Result<Self, CommandError> {
        let device = DeviceId::parse(&record.product, &record.device)?;
        Self::new(device, record.topic, Bytes::from(record.payload))
    }
}

/// The id of a command, by which the gateway is told that it was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PushId(String);

impl PushId {
    fn of(payload: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Identified {
            id: Value,
        }
        match serde_json::from_slice::<Identified>(payload).ok()?.id {
            Value::String(id) => Some(Self(id)),
            Value::Number(id) => Some(Self(id.to_string())),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the gateway's words are no command.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("command names no device: {0}")]
    Device(#[from] KeyError),
    #[error("command for {device} names the topic {topic:?}, which is not its own")]
    ForeignTopic { device: DeviceId, topic: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(device: &str, topic: &str, payload: &str) -> Result<Command, CommandError> {
        let (product, topic, payload) = ("pk".to_owned(), topic.to_owned(), payload.to_owned());
        CommandRecord { product, device: device.to_owned(), topic, payload }.try_into()
    }

    #[test]
    fn the_push_id_is_the_payloads_id() {
        let id = |payload| record("dk", "/sys/pk/dk/ota/device/upgrade", payload).unwrap().push;
        assert_eq!(id(r#"{"id":"77","params":{}}"#).unwrap().as_str(), "77");
        assert_eq!(id(r#"{"id":77}"#).unwrap().as_str(), "77");
        for without in [r#"{"params":{}}"#, r#"{"id":null}"#, "[]", "no json", ""] {
            assert_eq!(id(without), None, "{without:?}");
        }
    }

    #[test]
    fn a_command_reaches_no_foreign_topic() {
        assert!(record("dk", "/sys/pk/dk/ota/device/upgrade", "{}").is_ok());
        assert!(record("dk", "/sys/pk/other/ota/device/upgrade", "{}").is_err());
        assert!(record("dk", "/sys/pk/dk/#", "{}").is_err());
        assert!(record("d/k", "/sys/pk/d/k/ota/device/upgrade", "{}").is_err());
    }

    #[test]
    fn a_command_in_headers_needs_both() {
        let device = DeviceId::parse("pk", "dk").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("topic", "/sys/pk/dk/ota/device/upgrade".parse().unwrap());
        assert!(Command::from_headers(&device, &headers).is_none());
        headers.insert("command-payload", r#"{"id":"5"}"#.parse().unwrap());
        let command = Command::from_headers(&device, &headers).unwrap().unwrap();
        assert_eq!(command.push.unwrap().as_str(), "5");
        headers.insert("topic", "/sys/pk/x/ota/device/upgrade".parse().unwrap());
        assert!(Command::from_headers(&device, &headers).unwrap().is_err());
    }
}
