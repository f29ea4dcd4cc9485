//! One device's socket as a stream of MQTT packets: bytes in, packets out, and back.
//! It keeps the peer's time (keep-alive, slow writes) and knows nothing of topics or the gateway.
//! It drives mqtt-protocol-core by itself: the tokio endpoint around that crate prints each malformed packet to
//! stderr, calls a failed write sent, and leaves a closed connection half open.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use mqtt_protocol_core::mqtt::Connection;
use mqtt_protocol_core::mqtt::Version;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use mqtt_protocol_core::mqtt::role::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::Settings;
use crate::end::End;

/// Room made for each read: most packets of devices are far smaller.
const READ: usize = 4096;
/// No limit on silence is longer: later instants need not exist on every platform.
const LONGEST: Duration = Duration::from_hours(24 * 365);
/// How long a peer may take to see a closing connection through.
const LINGER: Duration = Duration::from_millis(300);

/// A socket and the state of MQTT on it.
pub(crate) struct Wire {
    stream: TcpStream,
    mqtt: Connection<Server>,
    input: BytesMut,
    taken_at: Instant,
    output: Vec<u8>,
    patience: Duration,
    heard_at: Instant,
    write_timeout: Duration,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, settings: &Settings) -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(settings.max_packet);
        let mut mqtt = Connection::<Server>::with_options(Version::Undetermined, options);
        mqtt.set_auto_ping_response(true);
        let now = Instant::now();
        Self {
            stream,
            mqtt,
            input: BytesMut::new(),
            taken_at: now,
            output: Vec::new(),
            patience: settings.silence_limit.min(LONGEST),
            heard_at: now,
            write_timeout: settings.write_timeout,
        }
    }

    /// The next packet among the bytes read so far.
    pub(crate) fn take(&mut self) -> Result<Option<Packet>, End> {
        while !self.input.is_empty() {
            let mut cursor = Cursor::new(self.input.as_ref());
            let events = self.mqtt.recv(&mut cursor);
            let used = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            self.input.advance(used.min(self.input.len()));
            if let Some(packet) = self.received(events)? {
                self.heard_at = Instant::now();
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// Reads more bytes; dropping the future loses none.
    pub(crate) async fn read(&mut self) -> Result<(), End> {
        self.input.reserve(READ);
        let read = self.stream.read_buf(&mut self.input).await?;
        self.taken_at = Instant::now();
        if read == 0 { Err(End::Gone) } else { Ok(()) }
    }

    /// When the bytes of the last packet that [`take`](Self::take) gave came off the socket.
    pub(crate) fn taken_at(&self) -> Instant {
        self.taken_at
    }

    /// Bytes that wait for [`take`](Self::take).
    pub(crate) fn unread(&self) -> usize {
        self.input.len()
    }

    /// Puts a packet behind those that wait for [`flush`](Self::flush).
    pub(crate) fn send(&mut self, packet: impl Into<Packet>) -> Result<(), End> {
        for event in self.mqtt.send(packet.into()) {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.output.extend_from_slice(&packet.to_continuous_buffer());
                }
                Event::NotifyError(error) => return Err(error.into()),
                // Timers are kept here; a refusing CONNACK asks for the close that its sender does anyway.
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes that are no answer of the state machine: CONNACK to a protocol it does not know.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Writes what waits, within the write timeout.
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        timeout(self.write_timeout, self.stream.write_all(&self.output)).await.map_err(|_| End::Slow)??;
        self.output.clear();
        self.output.shrink_to(READ);
        Ok(())
    }

    /// A packet id for a message that the device will acknowledge.
    pub(crate) fn packet_id(&mut self) -> Result<u16, End> {
        Ok(self.mqtt.acquire_packet_id()?)
    }

    /// From now on the device may be silent for `patience`.
    pub(crate) fn expect_within(&mut self, patience: Duration) {
        self.patience = patience.min(LONGEST);
    }

    /// When the device will have been silent for longer than it may; a whole packet puts it off.
    pub(crate) fn silent_at(&self) -> Instant {
        self.heard_at + self.patience
    }

    /// Says goodbye: what waits is written, and what the peer still sends is thrown away, since a socket
    /// closed with unread bytes is reset and may take our last words with it.
    pub(crate) async fn close(&mut self) {
        let farewell = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            loop {
                self.input.clear();
                self.read().await?;
            }
        };
        let farewell: Result<Result<(), End>, _> = timeout(LINGER, farewell).await;
        // Every outcome is the same: the connection is over.
        drop(farewell);
    }

    fn received(&mut self, events: Vec<Event>) -> Result<Option<Packet>, End> {
        let mut packet = None;
        let mut end = None;
        for event in events {
            match event {
                Event::NotifyPacketReceived(received) => packet = Some(received),
                // The state machine answers a repeated QoS 2 message by itself, but only the gateway's answer
                // may: the first copy's PUBREC is on its way or was sent.
                Event::RequestSendPacket { packet, .. } if !matches!(packet, Packet::V3_1_1Pubrec(_)) => {
                    self.output.extend_from_slice(&packet.to_continuous_buffer());
                }
                Event::NotifyError(error) => end = Some(error),
                Event::RequestClose => {
                    end.get_or_insert(MqttError::ProtocolError);
                }
                Event::RequestSendPacket { .. }
                | Event::NotifyPacketIdReleased(_)
                | Event::RequestTimerReset { .. }
                | Event::RequestTimerCancel(_) => {}
            }
        }
        end.map_or(Ok(packet), |error| Err(error.into()))
    }
}
