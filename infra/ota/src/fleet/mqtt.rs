//! A device's MQTT connection: the vendor's login, its two reply subscriptions, and nothing else subscribed,
//! as no SDK ever subscribes to its commands (PROTOCOL §2.11).

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use ota_protocol::key::DeviceId;
use ota_protocol::topic::{Uplink, UplinkTopic, upgrade_topic};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, PublishOptions, QoS,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::device::Happening;
use super::login::Login;
use super::message::{Command, Message, Reply};
use super::tally::{Present, Tally};

/// Pause before a lost connection is opened again.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
/// How long unacknowledged messages may hold up a disconnect.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// Seconds between pings.
const KEEP_ALIVE: u16 = 30;
/// A device has a handful of messages on their way, never more.
const QUEUE: usize = 8;
/// Its own messages that it waits for the acknowledgement of; each costs memory from the start.
const UNACKNOWLEDGED: u16 = 8;
/// The largest packet that a device takes, bytes: a command is a few hundred.
const MAX_PACKET: usize = 64 << 10;

/// A connection that comes back by itself; dropped, it breaks off without a word.
#[derive(Debug)]
pub(crate) struct Connection {
    device: DeviceId,
    client: AsyncClient,
    happenings: mpsc::Receiver<Happening>,
    poller: JoinHandle<()>,
}

impl Connection {
    /// Begins to connect.
    pub(crate) fn open(broker: SocketAddr, device: &DeviceId, login: &Login, tally: &Tally) -> Self {
        let mut options =
            MqttOptions::new(login.client_id.as_str(), (broker.ip().to_string(), broker.port()));
        options
            .set_credentials(login.username.as_str(), login.password.clone())
            .set_keep_alive(KEEP_ALIVE)
            .set_inflight(UNACKNOWLEDGED)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET);
        let (client, events) = AsyncClient::builder(options).capacity(QUEUE).build();
        let (sender, happenings) = mpsc::channel(QUEUE);
        let (tally, online) = (tally.clone(), None);
        let poller = Poller { device: device.clone(), client: client.clone(), sender, tally, online };
        // Polling has a task of its own: a client that awaits in the task that polls stands still.
        let poller = tokio::spawn(poller.run(events));
        Self { device: device.clone(), client, happenings, poller }
    }

    /// What happens next; `None` once the connection is given up.
    pub(crate) async fn next(&mut self) -> Option<Happening> {
        self.happenings.recv().await
    }

    /// Publishes at least once; receipts at most once, as the Java SDK does.
    pub(crate) async fn publish(&self, message: Message) -> anyhow::Result<()> {
        let topic = UplinkTopic { device: self.device.clone(), uplink: message.uplink }.to_string();
        let options = match message.uplink {
            Uplink::UpgradeReply => PublishOptions::at_most_once(),
            Uplink::Inform | Uplink::Progress | Uplink::Getversion => PublishOptions::at_least_once(),
        };
        self.client.publish(topic, message.payload, options).await.context("the connection is gone")
    }

    /// Leaves in good order: once everything published is acknowledged.
    pub(crate) async fn close(mut self) {
        let left = self.client.disconnect_with_timeout(LEAVE_WITHIN).await;
        if left.is_ok() {
            // The poller waits for room in a queue that nobody reads any more.
            self.happenings.close();
            if timeout(LEAVE_WITHIN, &mut self.poller).await.is_err() {
                debug!(device = %self.device, "left without a DISCONNECT");
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Drives the connection and tells what happens on it.
struct Poller {
    device: DeviceId,
    client: AsyncClient,
    sender: mpsc::Sender<Happening>,
    tally: Tally,
    /// While it is in a session.
    online: Option<Present>,
}

impl Poller {
    async fn run(mut self, mut events: EventLoop) {
        loop {
            let event = events.poll().await;
            if event.is_err() {
                self.online = None;
            }
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => self.connected().await,
                Ok(Event::Incoming(Packet::Publish(message))) => self.received(&message).await,
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return,
                Err(ConnectionError::ConnectionRefused(code)) => {
                    warn!(device = %self.device, ?code, "the login was refused");
                    sleep(RECONNECT_AFTER * 4).await;
                }
                Err(error) => {
                    debug!(device = %self.device, %error, "the connection is lost");
                    sleep(RECONNECT_AFTER).await;
                }
            }
        }
    }

    async fn connected(&mut self) {
        self.online = Some(self.tally.online());
        for uplink in [Uplink::Inform, Uplink::Progress] {
            let topic = UplinkTopic { device: self.device.clone(), uplink };
            let Some(reply) = topic.reply() else { continue };
            if let Err(error) = self.client.try_subscribe(reply, QoS::AtLeastOnce) {
                warn!(device = %self.device, %error, "cannot subscribe");
            }
        }
        self.tell(Happening::Connected).await;
    }

    async fn received(&self, message: &Publish) {
        let happening = if message.topic.as_ref() == upgrade_topic(&self.device).as_bytes() {
            Command::parse(&message.payload).map(Happening::Told)
        } else {
            serde_json::from_slice(&message.payload)
                .map(|Reply { id, code }| Happening::Answered { id, code })
        };
        match happening {
            Ok(happening) => self.tell(happening).await,
            Err(error) => warn!(device = %self.device, %error, "cannot read a message"),
        }
    }

    async fn tell(&self, happening: Happening) {
        // A device that leaves does not care any more.
        let _ = self.sender.send(happening).await;
    }
}
