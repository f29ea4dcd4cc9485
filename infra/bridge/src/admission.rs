//! The door: a CONNECT within its time, the gateway's word on who that is, and the CONNACK.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use mqtt_protocol_core::mqtt::packet::v3_1_1::{Connack, Connect};
use mqtt_protocol_core::mqtt::packet::{Packet, v5_0};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode, MqttError};
use ota_protocol::key::DeviceId;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::Shared;
use crate::end::End;
use crate::gateway::Outcome;
use crate::topics::Published;
use crate::wire::Wire;

/// Bytes of a CONNECT. The vendor's are below 1 KiB; the bound is what a stranger may make us hold.
const MAX_CONNECT: usize = 64 * 1024;
/// Characters of a client id that are passed on. The vendor's Java SDK sends up to about 150.
const MAX_CLIENT_ID: usize = 1024;
/// CONNACK "unacceptable protocol version", which older versions of MQTT understand too.
const UNACCEPTABLE_VERSION: [u8; 4] = [0x20, 0x02, 0x00, 0x01];

/// Who has come in.
pub(crate) struct Admitted {
    pub(crate) device: DeviceId,
    /// The client id, if it can stand in a header.
    pub(crate) client_id: Option<HeaderValue>,
    pub(crate) will: Option<Will>,
}

/// What the gateway is to be told if the connection ends without a DISCONNECT.
pub(crate) struct Will {
    pub(crate) topic: ota_protocol::topic::UplinkTopic,
    pub(crate) payload: Bytes,
}

/// Reads the CONNECT and asks the gateway. A refusal is answered here; the accepting CONNACK is sent by
/// [`accept`], once the session has its place.
pub(crate) async fn admit(wire: &mut Wire, peer: IpAddr, shared: &Shared) -> Result<Admitted, End> {
    let connect =
        timeout(shared.settings.connect_within, connect(wire)).await.map_err(|_| End::NoConnect)??;
    match authenticate(&connect, peer, shared).await {
        Ok(device) => {
            wire.expect_within(patience(connect.keep_alive(), shared.settings.silence_limit));
            let will = will(&device, &connect);
            Ok(Admitted { device, client_id: client_id(&connect), will })
        }
        Err(end) => {
            let code = match &end {
                End::Unavailable(_) => ConnectReturnCode::ServerUnavailable,
                _ => ConnectReturnCode::NotAuthorized,
            };
            wire.send(connack(code)?)?;
            Err(end)
        }
    }
}

/// Tells the device that it is in. No session outlives its connection, so none is ever present.
pub(crate) fn accept(wire: &mut Wire) -> Result<(), End> {
    wire.send(connack(ConnectReturnCode::Accepted)?)
}

async fn connect(wire: &mut Wire) -> Result<Connect, End> {
    let mut read = 0;
    loop {
        match wire.take() {
            Ok(Some(Packet::V3_1_1Connect(connect))) => return Ok(connect),
            Ok(Some(Packet::V5_0Connect(_))) => {
                let refusal = v5_0::Connack::builder()
                    .session_present(false)
                    .reason_code(ConnectReasonCode::UnsupportedProtocolVersion)
                    .build()?;
                wire.send(refusal)?;
                return Err(MqttError::UnsupportedProtocolVersion.into());
            }
            Ok(Some(_)) => return Err(MqttError::ProtocolError.into()),
            Ok(None) => {}
            Err(End::Malformed(MqttError::UnsupportedProtocolVersion)) => {
                wire.send_bytes(&UNACCEPTABLE_VERSION);
                return Err(MqttError::UnsupportedProtocolVersion.into());
            }
            Err(end) => return Err(end),
        }
        wire.read().await?;
        read += wire.unread();
        if read > MAX_CONNECT {
            return Err(End::NoConnect);
        }
    }
}

async fn authenticate(connect: &Connect, peer: IpAddr, shared: &Shared) -> Result<DeviceId, End> {
    let username = connect.user_name().ok_or_else(|| End::Denied("no user name".to_owned()))?;
    let password = connect.password().unwrap_or_default();
    let password =
        std::str::from_utf8(password).map_err(|_| End::Denied("password is no text".to_owned()))?;
    let request = Request {
        clientid: connect.client_id(),
        username,
        password,
        ipaddr: peer.to_canonical().to_string(),
    };
    let body = serde_json::to_vec(&request).map_err(|error| End::Unavailable(error.to_string()))?;
    let outcome = async {
        let _turn = shared.gateway.turn().await;
        shared.gateway.post("/mqtt/auth", HeaderMap::new(), Bytes::from(body)).await
    };
    // The device waits for its CONNACK, so the wait for a turn counts too.
    match timeout(shared.settings.request_timeout, outcome).await {
        Ok(Outcome::Answered(response)) => verdict(response.body()),
        Ok(Outcome::Later { reason, .. }) => Err(End::Unavailable(reason)),
        Ok(Outcome::TokenRefused(status)) => Err(End::Unavailable(format!("bridge token refused: {status}"))),
        Ok(Outcome::Unexpected(status)) => Err(End::Unavailable(status.to_string())),
        Err(_) => Err(End::Unavailable("the gateway is overloaded".to_owned())),
    }
}

fn verdict(body: &[u8]) -> Result<DeviceId, End> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| End::Unavailable(format!("answer to /mqtt/auth is not what was agreed: {error}")))?;
    match (answer.result.as_str(), answer.product, answer.device) {
        ("allow", Some(product), Some(device)) => DeviceId::parse(&product, &device)
            .map_err(|error| End::Unavailable(format!("answer to /mqtt/auth names no device: {error}"))),
        ("allow", ..) => Err(End::Unavailable("answer to /mqtt/auth names no device".to_owned())),
        _ => Err(End::Denied(answer.reason.unwrap_or_else(|| "no reason given".to_owned()))),
    }
}

/// MQTT 3.1.1 §3.1.2.10: one and a half times the keep-alive; 0 turns it off.
fn patience(keep_alive: u16, silence_limit: Duration) -> Duration {
    match keep_alive {
        0 => silence_limit,
        seconds => Duration::from_millis(u64::from(seconds) * 1500),
    }
}

/// Only for the gateway's log, so one that is no header, or would make it too large, is left out.
fn client_id(connect: &Connect) -> Option<HeaderValue> {
    let client_id = Some(connect.client_id()).filter(|id| id.len() <= MAX_CLIENT_ID)?;
    HeaderValue::try_from(client_id).ok()
}

/// A will is kept if it is to be said on one of the device's own OTA topics.
fn will(device: &DeviceId, connect: &Connect) -> Option<Will> {
    match Published::by(device, connect.will_topic()?) {
        Published::Uplink(topic) => {
            let payload = Bytes::copy_from_slice(connect.will_payload().unwrap_or_default());
            Some(Will { topic, payload })
        }
        Published::Other | Published::Foreign => None,
    }
}

fn connack(code: ConnectReturnCode) -> Result<Connack, MqttError> {
    Connack::builder().session_present(false).return_code(code).build()
}

#[derive(Serialize)]
struct Request<'a> {
    clientid: &'a str,
    username: &'a str,
    password: &'a str,
    ipaddr: String,
}

#[derive(Deserialize)]
struct Answer {
    result: String,
    reason: Option<String>,
    product: Option<String>,
    device: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_borne_for_one_and_a_half_keep_alives() {
        let limit = Duration::from_hours(1);
        assert_eq!(patience(60, limit), Duration::from_secs(90));
        assert_eq!(patience(1, limit), Duration::from_millis(1500));
        assert_eq!(patience(u16::MAX, limit), Duration::from_millis(98_302_500));
        assert_eq!(patience(0, limit), limit);
    }

    #[test]
    fn only_a_named_device_is_let_in() {
        assert_eq!(
            verdict(br#"{"result":"allow","product":"pk","device":"dk"}"#).unwrap(),
            DeviceId::parse("pk", "dk").unwrap()
        );
        for unusable in [
            &br#"{"result":"allow"}"#[..],
            br#"{"result":"allow","product":"pk","device":"a/b"}"#,
            br"{}",
            br"",
            br"allow",
        ] {
            assert!(matches!(verdict(unusable), Err(End::Unavailable(_))), "{unusable:?}");
        }
        let denied = verdict(br#"{"result":"deny","reason":"wrong signature"}"#).unwrap_err();
        assert!(matches!(&denied, End::Denied(reason) if reason == "wrong signature"), "{denied}");
        assert!(matches!(verdict(br#"{"result":"ALLOW","product":"p","device":"d"}"#), Err(End::Denied(_))));
    }
}
