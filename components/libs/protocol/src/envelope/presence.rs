//! Who came and who went, as bridges and brokers report it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EnvelopeError, present};
use crate::key::DeviceId;

/// The most events in one body.
pub const MAX_PRESENCES: usize = 10_000;

/// The events of devices in a body, in order: a single object or an array, of our bridge, RMQTT,
/// EMQX or NanoMQ. What is no coming or going of a device is left out.
///
/// ```
/// use ota_protocol::envelope::{presence, PresenceEvent};
/// let body = br#"[{"event":"connected","product":"pk","device":"dk","bridge":"b1","session":7}]"#;
/// let events = presence(body)?;
/// assert_eq!(events[0].event, PresenceEvent::Connected);
/// assert_eq!((events[0].bridge.as_deref(), events[0].session), (Some("b1"), Some(7)));
/// # Ok::<(), ota_protocol::envelope::EnvelopeError>(())
/// ```
pub fn presence(body: &[u8]) -> Result<Vec<Presence>, EnvelopeError> {
    let reports: Vec<&RawValue> = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(body)?
    } else {
        vec![serde_json::from_slice(body)?]
    };
    if reports.len() > MAX_PRESENCES {
        return Err(EnvelopeError::TooMany(reports.len()));
    }
    let mut presences = Vec::with_capacity(reports.len());
    for report in reports {
        let report: Report = serde_json::from_str(report.get())?;
        presences.extend(report.presence());
    }
    Ok(presences)
}

/// A device came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Which device.
    pub device: DeviceId,
    /// What happened.
    pub event: PresenceEvent,
    /// The bridge that holds the session, when it is one of ours.
    pub bridge: Option<String>,
    /// The bridge's number of the session, rising: a late event of an older session means nothing.
    pub session: Option<i64>,
}

/// What happened to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresenceEvent {
    /// It is there.
    Connected,
    /// It is gone.
    Disconnected,
}

#[derive(Deserialize)]
struct Report {
    event: Option<String>,
    action: Option<String>,
    conn_ack: Option<String>,
    product: Option<String>,
    device: Option<String>,
    username: Option<String>,
    bridge: Option<String>,
    session: Option<i64>,
}

impl Report {
    fn presence(self) -> Option<Presence> {
        let event = match self.event.as_deref().or(self.action.as_deref())? {
            "connected" | "client_connected" | "client.connected" => PresenceEvent::Connected,
            "client_connack" if self.conn_ack.as_deref() == Some("success") => PresenceEvent::Connected,
            "disconnected" | "client_disconnected" | "client.disconnected" => PresenceEvent::Disconnected,
            _ => return None,
        };
        let device = match (self.product, self.device) {
            (Some(product), Some(device)) => DeviceId::parse(&product, &device),
            _ => DeviceId::from_username(&self.username?),
        };
        Some(Presence { device: device.ok()?, event, bridge: present(self.bridge), session: self.session })
    }
}
