//! A device that speaks MQTT 3.1.1 byte by byte, so that a test sees exactly what came, and in which order.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::setup::{PATIENCE, QUIET};

/// One connection.
pub(crate) struct Device {
    stream: TcpStream,
}

/// What a CONNECT says; `Default` is what the scripted gateway lets in.
pub(crate) struct Login<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) password: &'a str,
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<(&'a str, &'a str)>,
    pub(crate) flags: u8,
}

/// A packet from the bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Connack { session_present: bool, code: u8 },
    Publish { topic: String, payload: String, qos: u8, id: u16, retain: bool },
    Puback(u16),
    Pubrec(u16),
    Pubcomp(u16),
    Suback(u16, Vec<u8>),
    Unsuback(u16),
    Pingresp,
}

impl Device {
    /// Connects as a device of product `pk` and expects to be let in.
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> Self {
        let username = format!("{key}&pk");
        let mut device = Self::dial(address).await;
        device.login(&Login { username: Some(&username), ..Login::default() }).await;
        assert_eq!(device.next().await, Packet::Connack { session_present: false, code: 0 });
        device
    }

    pub(crate) async fn dial(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap() }
    }

    pub(crate) async fn login(&mut self, login: &Login<'_>) {
        self.send(&login.bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, qos: u8, id: u16) {
        self.send(&publish(topic, payload.as_bytes(), qos, id)).await;
    }

    pub(crate) async fn puback(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x40, 2, high, low]).await;
    }

    pub(crate) async fn disconnect(&mut self) {
        self.send(&[0xE0, 0]).await;
    }

    /// The next packet, which must come.
    pub(crate) async fn next(&mut self) -> Packet {
        timeout(PATIENCE, self.read()).await.expect("no packet").expect("connection closed")
    }

    /// The next packet, which must be a message; acknowledges it if it asks for that.
    pub(crate) async fn message(&mut self) -> (String, String) {
        match self.next().await {
            Packet::Publish { topic, payload, qos, id, .. } => {
                if qos > 0 {
                    self.puback(id).await;
                }
                (topic, payload)
            }
            other => panic!("a message expected, {other:?} came"),
        }
    }

    /// Fails if anything comes.
    pub(crate) async fn expect_silence(&mut self) {
        if let Ok(packet) = timeout(QUIET, self.read()).await {
            panic!("silence expected, {packet:?} came");
        }
    }

    /// Fails unless the bridge closes the connection, whatever it says before.
    pub(crate) async fn expect_close(&mut self) {
        self.expect_close_within(PATIENCE).await;
    }

    pub(crate) async fn expect_close_within(&mut self, limit: Duration) {
        let closed = async { while self.read().await.is_some() {} };
        timeout(limit, closed).await.expect("the connection stayed open");
    }

    /// One packet; `None` when the connection has ended.
    async fn read(&mut self) -> Option<Packet> {
        let header = self.stream.read_u8().await.ok()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.stream.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(Packet::parse(header, &body))
    }
}

impl Default for Login<'_> {
    fn default() -> Self {
        let (client_id, username) = ("client", Some("dk&pk"));
        Self { client_id, username, password: "secret", keep_alive: 60, will: None, flags: 0x02 }
    }
}

impl Login<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut flags = self.flags;
        let mut payload = field(self.client_id.as_bytes());
        if let Some((topic, message)) = self.will {
            flags |= 0x04;
            payload.extend(field(topic.as_bytes()));
            payload.extend(field(message.as_bytes()));
        }
        if let Some(username) = self.username {
            flags |= 0xC0;
            payload.extend(field(username.as_bytes()));
            payload.extend(field(self.password.as_bytes()));
        }
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags];
        body.extend(self.keep_alive.to_be_bytes());
        body.extend(payload);
        packet(0x10, &body)
    }
}

impl Packet {
    fn parse(header: u8, body: &[u8]) -> Self {
        let id = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        match header >> 4 {
            2 => Self::Connack { session_present: body[0] & 1 == 1, code: body[1] },
            3 => {
                let qos = (header >> 1) & 3;
                let topic = 2 + usize::from(id(0));
                let payload = if qos == 0 { topic } else { topic + 2 };
                Self::Publish {
                    topic: String::from_utf8(body[2..topic].to_vec()).unwrap(),
                    payload: String::from_utf8(body[payload..].to_vec()).unwrap(),
                    qos,
                    id: if qos == 0 { 0 } else { id(topic) },
                    retain: header & 1 == 1,
                }
            }
            4 => Self::Puback(id(0)),
            5 => Self::Pubrec(id(0)),
            7 => Self::Pubcomp(id(0)),
            9 => Self::Suback(id(0), body[2..].to_vec()),
            11 => Self::Unsuback(id(0)),
            13 => Self::Pingresp,
            other => panic!("a bridge sends no packet of type {other}"),
        }
    }
}

pub(crate) fn publish(topic: &str, payload: &[u8], qos: u8, id: u16) -> Vec<u8> {
    let mut body = field(topic.as_bytes());
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    body.extend(payload);
    packet(0x30 | qos << 1, &body)
}

pub(crate) fn subscribe(id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    for (filter, qos) in filters {
        body.extend(field(filter.as_bytes()));
        body.push(*qos);
    }
    packet(0x82, &body)
}

pub(crate) fn unsubscribe(id: u16, filter: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(field(filter.as_bytes()));
    packet(0xA2, &body)
}

fn packet(header: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![header];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn field(bytes: &[u8]) -> Vec<u8> {
    let mut field = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    field.extend(bytes);
    field
}
