//! A device over MQTT, on a stock client library. It subscribes to nothing, as no SDK subscribes to its commands
//! (PROTOCOL §2.11); what it does otherwise is up to the test.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rumqttc::{AckMode, AsyncClient, ConnectionError, Event, EventLoop, Packet, Publish, PublishOptions};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::identity::Identity;
use crate::wait::within;

/// A connected device; dropping it breaks the connection off without a word.
#[derive(Debug)]
pub struct Device {
    identity: Identity,
    client: AsyncClient,
    poller: JoinHandle<()>,
    received: mpsc::UnboundedReceiver<Message>,
    /// Came while something else was waited for.
    passed_over: VecDeque<Message>,
    requests: u64,
}

/// A message from the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its whole topic.
    pub topic: String,
    /// Its payload.
    pub json: Value,
}

/// A command to upgrade, or an offer: the five fields that are always there (PROTOCOL §2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The id of the push; `null` for an offer.
    pub id: Value,
    /// The target.
    pub version: String,
    /// The digest, as told.
    pub sign: String,
    /// Which digest it is.
    pub sign_method: String,
    /// Where the bytes are.
    pub file_url: String,
    /// How many they are.
    pub file_size: u64,
}

impl Device {
    /// Connects; returns once the device is let in.
    pub async fn connect(broker: SocketAddr, identity: &Identity) -> Self {
        Self::open(broker, identity, AckMode::Automatic).await
    }

    /// The same for a device that never acknowledges what it gets.
    pub async fn connect_without_acknowledging(broker: SocketAddr, identity: &Identity) -> Self {
        Self::open(broker, identity, AckMode::Manual).await
    }

    /// Whether the login is turned away.
    pub async fn is_refused(broker: SocketAddr, identity: &Identity) -> bool {
        let (_client, mut events) = AsyncClient::builder(identity.options(broker)).capacity(1).build();
        let answer = within("the login is answered", events.poll()).await;
        matches!(answer, Err(ConnectionError::ConnectionRefused(_)))
    }

    async fn open(broker: SocketAddr, identity: &Identity, acknowledge: AckMode) -> Self {
        let mut options = identity.options(broker);
        options.set_ack_mode(acknowledge);
        let (client, mut events) = AsyncClient::builder(options).capacity(64).build();
        let connected = within("the device is let in", async { events.poll().await.unwrap() }).await;
        assert!(matches!(connected, Event::Incoming(Packet::ConnAck(_))), "{connected:?}");
        let (sender, received) = mpsc::unbounded_channel();
        // Polling has a task of its own: a client that awaits in the task that polls stands still.
        let poller = tokio::spawn(poll(events, sender));
        let identity = identity.clone();
        Self { identity, client, poller, received, passed_over: VecDeque::new(), requests: 0 }
    }

    /// Informs a version; the code of the reply.
    pub async fn inform(&mut self, version: &str) -> i64 {
        code(&self.request("inform", json!({ "version": version })).await)
    }

    /// Reports a step; the code of the reply.
    pub async fn progress(&mut self, step: i32) -> i64 {
        code(&self.request("progress", json!({ "step": step.to_string(), "desc": "" })).await)
    }

    /// Asks what it may take.
    pub async fn getversion(&mut self) -> Vec<Command> {
        let reply = self.request("getversion", json!({})).await;
        assert_eq!(code(&reply), 200);
        let offers = reply["data"].as_array().unwrap();
        offers.iter().map(|offer| Command::read(&Value::Null, offer)).collect()
    }

    /// Publishes a request and waits for the reply with its id.
    pub async fn request(&mut self, name: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests.to_string();
        self.publish(name, &json!({ "id": id, "method": format!("ota.device.{name}"), "params": params }))
            .await;
        let topic = format!("{}_reply", self.topic(name));
        self.find(&format!("the reply to {name} {id}"), |message| {
            message.topic == topic && message.json["id"] == id
        })
        .await
        .json
    }

    /// Publishes on a topic of its own.
    pub async fn publish(&self, name: &str, payload: &Value) {
        self.publish_to(&self.topic(name), payload.to_string().as_bytes()).await;
    }

    /// Publishes anything anywhere, at least once.
    pub async fn publish_to(&self, topic: &str, payload: &[u8]) {
        let options = PublishOptions::at_least_once();
        self.client.publish(topic, payload.to_vec(), options).await.unwrap();
    }

    /// Waits for the gateway to end the connection.
    pub async fn until_disconnected(&mut self) {
        within("the connection ends", async { while self.received.recv().await.is_some() {} }).await;
    }

    /// The next command, which must come.
    pub async fn command(&mut self) -> Command {
        let topic = self.topic("upgrade");
        let message = self.find("a command", |message| message.topic == topic).await;
        Command::read(&message.json["id"], &message.json["params"])
    }

    /// The next message, whatever it is.
    pub async fn next(&mut self) -> Message {
        self.find("a message", |_| true).await
    }

    /// Everything that has come and was not asked for.
    pub fn rest(&mut self) -> Vec<Message> {
        while let Ok(message) = self.received.try_recv() {
            self.passed_over.push_back(message);
        }
        self.passed_over.drain(..).collect()
    }

    /// The topic of the device that ends so.
    pub fn topic(&self, name: &str) -> String {
        let Identity { product, device, .. } = &self.identity;
        format!("/sys/{product}/{device}/ota/device/{name}")
    }

    async fn find(&mut self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        if let Some(message) =
            self.passed_over.iter().position(&is_it).and_then(|at| self.passed_over.remove(at))
        {
            return message;
        }
        let search = async {
            loop {
                let message = self.received.recv().await.expect("the connection has ended");
                if is_it(&message) {
                    return message;
                }
                self.passed_over.push_back(message);
            }
        };
        within(what, search).await
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Ends with the connection: a device of the tests comes back when the test says so.
async fn poll(mut events: EventLoop, sender: mpsc::UnboundedSender<Message>) {
    while let Ok(event) = events.poll().await {
        let Event::Incoming(Packet::Publish(publish)) = event else { continue };
        // A device that is dropped reads no more.
        let _ = sender.send(Message::from(&publish));
    }
}

fn code(reply: &Value) -> i64 {
    reply["code"].as_i64().unwrap()
}

impl From<&Publish> for Message {
    fn from(publish: &Publish) -> Self {
        Self {
            topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
            json: serde_json::from_slice(&publish.payload).unwrap(),
        }
    }
}

impl Command {
    pub(crate) fn read(id: &Value, params: &Value) -> Self {
        let text = |name: &str| params[name].as_str().unwrap().to_owned();
        Self {
            id: id.clone(),
            version: text("version"),
            sign: text("sign"),
            sign_method: text("signMethod"),
            file_url: text("fileUrl"),
            file_size: params["fileSize"].as_u64().unwrap(),
        }
    }
}
