//! A device's MQTT session: the vendor's login, its two reply subscriptions, and nothing else subscribed,
//! as no SDK ever subscribes to its commands (PROTOCOL §2.11).
//!
//! rumqttc's own session keeps 80 KB a device, most of it for 65 535 messages on their way; a device has three.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ota_protocol::key::DeviceId;
use ota_protocol::topic::{Uplink, UplinkTopic, upgrade_topic};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, PubAck, Publish, Subscribe, SubscribeFilter,
};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use super::device::Happening;
use super::login::Login;
use super::message::{Command, Message, Reply};
use super::tally::{Present, Tally};
use super::wire::Wire;

/// Pause before a lost connection is opened again.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// How long a connection may take until it is accepted.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(30);
/// How long unacknowledged messages may hold up a disconnect.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// The longest silence that the server is promised.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time between pings; one that is not answered before the next ends the connection.
const PING_EVERY: Duration = Duration::from_secs(20);

/// A connection that comes back by itself; dropped, it breaks off without a word.
#[derive(Debug)]
pub(crate) struct Connection {
    broker: SocketAddr,
    device: DeviceId,
    login: Login,
    tally: Tally,
    link: Link,
    last_id: u16,
    /// Published at least once and not acknowledged, in order; repeated on each new connection.
    unacknowledged: VecDeque<Publish>,
}

enum Link {
    /// To be opened at this moment.
    Down(Instant),
    /// Kept here, so that whoever waits for the connection may stop waiting and come back.
    Opening(Pin<Box<dyn Future<Output = anyhow::Result<Wire>> + Send>>),
    Up(Up),
}

/// An accepted connection.
#[derive(Debug)]
struct Up {
    wire: Wire,
    ping_at: Instant,
    is_pinged: bool,
    _online: Present,
}

impl Connection {
    /// Connects as soon as somebody waits for what happens.
    pub(crate) fn open(broker: SocketAddr, device: &DeviceId, login: Login, tally: &Tally) -> Self {
        let link = Link::Down(Instant::now());
        let (device, tally) = (device.clone(), tally.clone());
        Self { broker, device, login, tally, link, last_id: 0, unacknowledged: VecDeque::new() }
    }

    /// What happens next. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Happening {
        loop {
            match self.turn().await {
                Ok(Some(happening)) => return happening,
                Ok(None) => {}
                Err(error) => {
                    let pause = if error.is::<Refused>() { RECONNECT_AFTER * 4 } else { RECONNECT_AFTER };
                    self.link = Link::Down(Instant::now() + pause);
                    debug!(device = %self.device, error = format!("{error:#}"), "the connection is lost");
                }
            }
        }
    }

    /// Publishes at least once; receipts at most once, as the Java SDK does. Written while somebody waits for what
    /// happens.
    pub(crate) fn publish(&mut self, message: Message) {
        let topic = UplinkTopic { device: self.device.clone(), uplink: message.uplink }.to_string();
        let qos = match message.uplink {
            Uplink::UpgradeReply => QoS::AtMostOnce,
            Uplink::Inform | Uplink::Progress | Uplink::Getversion => QoS::AtLeastOnce,
        };
        let mut publish = Publish::new(topic, qos, message.payload);
        if qos == QoS::AtLeastOnce {
            publish.pkid = self.id();
            self.unacknowledged.push_back(publish.clone());
        }
        if let Link::Up(up) = &mut self.link
            && let Err(error) = up.wire.put(&Packet::Publish(publish))
        {
            warn!(device = %self.device, error = format!("{error:#}"), "cannot publish");
        }
    }

    /// Leaves in good order: once everything published is acknowledged.
    pub(crate) async fn close(mut self) {
        if !matches!(timeout(LEAVE_WITHIN, self.leave()).await, Ok(Ok(()))) {
            debug!(device = %self.device, "left without a DISCONNECT");
        }
    }

    async fn leave(&mut self) -> anyhow::Result<()> {
        while !self.unacknowledged.is_empty() {
            self.turn().await?;
        }
        if let Link::Up(up) = &mut self.link {
            up.wire.put(&Packet::Disconnect)?;
            up.wire.finish().await?;
        }
        Ok(())
    }

    async fn turn(&mut self) -> anyhow::Result<Option<Happening>> {
        match &mut self.link {
            Link::Down(at) => {
                sleep_until(*at).await;
                self.link = Link::Opening(Box::pin(accepted(self.broker, connect(&self.login))));
                Ok(None)
            }
            Link::Opening(opening) => {
                let wire = opening.as_mut().await?;
                self.link = Link::Up(Up {
                    wire,
                    ping_at: Instant::now() + PING_EVERY,
                    is_pinged: false,
                    _online: self.tally.online(),
                });
                self.greet()?;
                Ok(Some(Happening::Connected))
            }
            Link::Up(up) => tokio::select! {
                packet = up.wire.receive() => {
                    let packet = packet?;
                    self.received(packet)
                }
                () = sleep_until(up.ping_at) => up.ping().map(|()| None),
            },
        }
    }

    /// Subscribes, and repeats what was not acknowledged.
    fn greet(&mut self) -> anyhow::Result<()> {
        let replies = [Uplink::Inform, Uplink::Progress].into_iter().filter_map(|uplink| {
            let path = UplinkTopic { device: self.device.clone(), uplink }.reply()?;
            Some(SubscribeFilter { path, qos: QoS::AtLeastOnce })
        });
        let mut subscribe = Subscribe::new_many(replies);
        subscribe.pkid = self.id();
        let Link::Up(up) = &mut self.link else { return Ok(()) };
        up.wire.put(&Packet::Subscribe(subscribe))?;
        self.unacknowledged.iter().try_for_each(|publish| up.wire.put(&Packet::Publish(publish.clone())))
    }

    fn received(&mut self, packet: Packet) -> anyhow::Result<Option<Happening>> {
        let Link::Up(up) = &mut self.link else { return Ok(None) };
        match packet {
            Packet::Publish(message) => {
                match message.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => up.wire.put(&Packet::PubAck(PubAck::new(message.pkid)))?,
                    QoS::ExactlyOnce => bail!("a message came with QoS 2, which nobody subscribed to"),
                }
                Ok(self.read(&message))
            }
            Packet::PubAck(PubAck { pkid }) => {
                self.unacknowledged.retain(|publish| publish.pkid != pkid);
                Ok(None)
            }
            Packet::PingResp => {
                up.is_pinged = false;
                Ok(None)
            }
            Packet::SubAck(_) => Ok(None),
            other => bail!("a server must not send {:?}", other.packet_type()),
        }
    }

    fn read(&self, message: &Publish) -> Option<Happening> {
        let happening = if message.topic.as_ref() == upgrade_topic(&self.device).as_bytes() {
            Command::parse(&message.payload).map(Happening::Told)
        } else {
            serde_json::from_slice(&message.payload)
                .map(|Reply { id, code }| Happening::Answered { id, code })
        };
        happening.inspect_err(|error| warn!(device = %self.device, %error, "cannot read a message")).ok()
    }

    /// Never 0 (MQTT 3.1.1 §2.3.1); far fewer are on their way than there are.
    fn id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }
}

impl Up {
    fn ping(&mut self) -> anyhow::Result<()> {
        if self.is_pinged {
            bail!("a ping was not answered");
        }
        self.is_pinged = true;
        self.ping_at = Instant::now() + PING_EVERY;
        self.wire.put(&Packet::PingReq)
    }
}

/// Without what it waits for.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down(_) => "Down",
            Self::Opening(_) => "Opening",
            Self::Up(_) => "Up",
        })
    }
}

/// The server does not want this device.
#[derive(Debug, thiserror::Error)]
#[error("the login was refused: {0:?}")]
struct Refused(ConnectReturnCode);

fn connect(login: &Login) -> Connect {
    let mut connect = Connect::new(login.client_id.as_str());
    connect.keep_alive = u16::try_from(KEEP_ALIVE.as_secs()).unwrap_or(u16::MAX);
    connect.set_credentials(login.username.as_str(), login.password.clone());
    connect
}

/// A connection that the server has accepted.
async fn accepted(broker: SocketAddr, connect: Connect) -> anyhow::Result<Wire> {
    let accepted = async {
        let mut wire = Wire::connect(broker).await?;
        wire.put(&Packet::Connect(connect))?;
        match wire.receive().await? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => Ok(wire),
            Packet::ConnAck(answer) => Err(Refused(answer.code).into()),
            other => bail!("a server must not begin with {:?}", other.packet_type()),
        }
    };
    timeout(ACCEPTED_WITHIN, accepted).await.context("not accepted in time")?
}

#[cfg(test)]
#[path = "mqtt_tests.rs"]
mod tests;
