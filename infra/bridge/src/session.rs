//! A device's session: what it sends is taken, its lane moves on, and what is for it is written, all in one
//! task, so that order needs no locks and everything ends with the connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use mqtt_protocol_core::mqtt::packet::v3_1_1::{
    Puback, Pubcomp, Publish, Pubrec, Suback, Subscribe, Unsuback, Unsubscribe,
};
use mqtt_protocol_core::mqtt::packet::{Packet, Qos};
use mqtt_protocol_core::mqtt::result_code::{MqttError, SubackReturnCode};
use ota_protocol::key::DeviceId;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use crate::Shared;
use crate::admission::accept;
use crate::command::{Command, PushId};
use crate::end::End;
use crate::lane::{Done, Lane, Receipt, Work};
use crate::stop::Stopping;
use crate::topics::{Published, may_subscribe};
use crate::uplink::Uplink;
use crate::wire::Wire;

/// How long messages that were taken before a DISCONNECT may still be delivered.
const DRAIN: Duration = Duration::from_secs(5);

/// One device, connected.
pub(crate) struct Session {
    shared: Arc<Shared>,
    device: DeviceId,
    client_id: Option<HeaderValue>,
    wire: Wire,
    lane: Lane,
    /// What the device has yet to acknowledge, by packet id; commands with their name.
    unacknowledged: HashMap<u16, Option<PushId>>,
}

impl Session {
    pub(crate) fn new(
        shared: Arc<Shared>,
        device: DeviceId,
        client_id: Option<HeaderValue>,
        wire: Wire,
    ) -> Self {
        let lane = Lane::new(Arc::clone(&shared));
        Self { shared, device, client_id, wire, lane, unacknowledged: HashMap::new() }
    }

    /// Tells the device that it is in, and serves it until one side ends it.
    pub(crate) async fn run(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        stopping: &mut Stopping,
    ) -> End {
        if let Err(end) = accept(&mut self.wire) {
            return end;
        }
        loop {
            if let Err(end) = self.step(commands, stopping).await {
                return end;
            }
        }
    }

    /// After a DISCONNECT the connection is closed, but what the device had sent still counts: a client may well
    /// publish at `QoS` 0 and leave at once.
    pub(crate) async fn drain(&mut self) {
        let rest = async {
            while !self.lane.is_idle() {
                self.lane.done().await;
            }
        };
        let ((), drained) = tokio::join!(self.wire.close(), timeout(DRAIN, rest));
        if drained.is_err() {
            tracing::warn!(device = %self.device, "messages sent before a disconnect not delivered in time");
        }
    }

    /// Says goodbye to the peer.
    pub(crate) async fn close(&mut self) {
        self.wire.close().await;
    }

    async fn step(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        stopping: &mut Stopping,
    ) -> Result<(), End> {
        while self.lane.has_room() {
            match self.wire.take()? {
                Some(packet) => self.receive(packet)?,
                None => break,
            }
        }
        self.wire.flush().await?;
        let has_stopped = stopping.has_begun();
        if has_stopped && self.lane.is_idle() {
            return Err(End::Stopping);
        }
        let silent_at = self.wire.silent_at();
        tokio::select! {
            done = self.lane.done() => self.answer(done),
            Some(command) = commands.recv() => self.push(command),
            read = self.wire.read(), if !has_stopped && self.lane.has_room() => read,
            () = sleep_until(silent_at) => Err(End::Silent),
            () = stopping.begun(), if !has_stopped => Ok(()),
        }
    }

    fn receive(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::V3_1_1Publish(publish) => self.publish(&publish),
            Packet::V3_1_1Puback(puback) => {
                self.acknowledged(puback.packet_id());
                Ok(())
            }
            Packet::V3_1_1Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::V3_1_1Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Packet::V3_1_1Pubrel(pubrel) => {
                self.wire.send(Pubcomp::builder().packet_id(pubrel.packet_id()).build()?)
            }
            Packet::V3_1_1Pingreq(_) => Ok(()),
            Packet::V3_1_1Disconnect(_) => Err(End::Disconnected),
            _ => Err(MqttError::ProtocolError.into()),
        }
    }

    /// Every message takes its place in the lane, also one that nobody wants: MQTT acknowledges in the order
    /// of arrival (3.1.1 §4.6). `retain` changes nothing, since nothing is ever retained.
    fn publish(&mut self, publish: &Publish) -> Result<(), End> {
        let metrics = &self.shared.metrics;
        let uplink = match Published::by(&self.device, publish.topic_name()) {
            Published::Uplink(topic) => {
                metrics.publishes.count();
                Some(Uplink {
                    topic,
                    payload: Bytes::copy_from_slice(publish.payload().as_slice()),
                    client_id: self.client_id.clone(),
                    taken_at: self.wire.taken_at(),
                })
            }
            Published::Other => {
                metrics.publishes_ignored.count();
                None
            }
            Published::Foreign => return Err(End::ForeignTopic(publish.topic_name().to_owned())),
        };
        let receipt = match (publish.qos(), publish.packet_id()) {
            (Qos::AtLeastOnce, Some(id)) => Receipt::Puback(id),
            (Qos::ExactlyOnce, Some(id)) => Receipt::Pubrec(id),
            _ => Receipt::None,
        };
        self.lane.push(Work { uplink, qos: publish.qos(), receipt });
        Ok(())
    }

    /// The reply first, then a command, and the receipt last: a device that has its PUBACK has its reply.
    fn answer(&mut self, done: Done) -> Result<(), End> {
        if let Some(reply) = done.answer.reply {
            let qos = if done.qos == Qos::AtMostOnce { Qos::AtMostOnce } else { Qos::AtLeastOnce };
            self.write(&reply.topic, &reply.payload, qos, None)?;
            self.shared.metrics.replies.count();
        }
        if let Some(command) = done.answer.command {
            self.push(command)?;
        }
        match done.receipt {
            Receipt::None => Ok(()),
            Receipt::Puback(id) => self.wire.send(Puback::builder().packet_id(id).build()?),
            Receipt::Pubrec(id) => self.wire.send(Pubrec::builder().packet_id(id).build()?),
        }
    }

    /// Writes a command, unless the same one is on its way already: on one connection it cannot get lost.
    fn push(&mut self, command: Command) -> Result<(), End> {
        if command.push.is_some() && self.unacknowledged.values().any(|push| *push == command.push) {
            self.shared.metrics.commands_repeated.count();
            return Ok(());
        }
        self.write(&command.topic, &command.payload, Qos::AtLeastOnce, command.push)?;
        self.shared.metrics.commands.count();
        Ok(())
    }

    fn write(&mut self, topic: &str, payload: &[u8], qos: Qos, push: Option<PushId>) -> Result<(), End> {
        let publish = Publish::builder().topic_name(topic)?.qos(qos).payload(payload);
        if qos == Qos::AtMostOnce {
            return self.wire.send(publish.build()?);
        }
        if self.unacknowledged.len() >= self.shared.settings.max_unacknowledged {
            return Err(End::Unacknowledging(self.unacknowledged.len()));
        }
        let id = self.wire.packet_id()?;
        self.unacknowledged.insert(id, push);
        self.wire.send(publish.packet_id(id).build()?)
    }

    fn acknowledged(&mut self, id: u16) {
        if let Some(Some(push)) = self.unacknowledged.remove(&id) {
            self.shared.metrics.acknowledgements.count();
            self.shared.acknowledged.add(push);
        }
    }

    /// Subscriptions are answered and not kept: what is for the device reaches it in any case.
    fn subscribe(&mut self, subscribe: &Subscribe) -> Result<(), End> {
        let metrics = &self.shared.metrics;
        let codes = subscribe.entries().iter().map(|entry| {
            if !may_subscribe(&self.device, entry.topic_filter()) {
                metrics.subscriptions_refused.count();
                return SubackReturnCode::Failure;
            }
            metrics.subscriptions_granted.count();
            match entry.sub_opts().qos() {
                Qos::AtMostOnce => SubackReturnCode::SuccessMaximumQos0,
                Qos::AtLeastOnce | Qos::ExactlyOnce => SubackReturnCode::SuccessMaximumQos1,
            }
        });
        let codes = codes.collect();
        self.wire.send(Suback::builder().packet_id(subscribe.packet_id()).return_codes(codes).build()?)
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Result<(), End> {
        self.wire.send(Unsuback::builder().packet_id(unsubscribe.packet_id()).build()?)
    }
}
