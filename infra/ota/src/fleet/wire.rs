//! A socket as a stream of MQTT 3.1.1 packets, in the codec of rumqttc; knows nothing of sessions.
//! While nothing is on its way it holds no buffer: thousands of devices are silent most of the time.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::{Buf as _, BytesMut};
use rumqttc::mqttbytes::{self, v4::Packet};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

/// The largest packet that a device takes, bytes: a command is a few hundred.
const MAX_PACKET: usize = 64 << 10;
/// Room made for each read.
const READ: usize = 2048;

/// A connected socket.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
}

impl Wire {
    pub(super) async fn connect(broker: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(broker).await.context("cannot connect")?;
        stream.set_nodelay(true).context("cannot send without delay")?;
        Ok(Self { stream, input: BytesMut::new(), output: BytesMut::new() })
    }

    /// Puts a packet behind those that are on their way; [`receive`](Self::receive) and [`finish`](Self::finish)
    /// write them.
    pub(super) fn put(&mut self, packet: &Packet) -> anyhow::Result<()> {
        packet.write(&mut self.output, MAX_PACKET).context("cannot write a packet")?;
        Ok(())
    }

    /// The next packet; writes meanwhile. Nothing is lost when the future is dropped.
    pub(super) async fn receive(&mut self) -> anyhow::Result<Packet> {
        loop {
            if let Some(packet) = self.parse()? {
                return Ok(packet);
            }
            let may_write = !self.output.is_empty();
            let interest =
                if may_write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let ready = self.stream.ready(interest).await.context("the socket failed")?;
            if may_write && ready.is_writable() {
                let written = self.stream.try_write(&self.output);
                self.output.advance(progress(written)?.unwrap_or(0));
            }
            if ready.is_readable() {
                self.input.reserve(READ);
                if progress(self.stream.try_read_buf(&mut self.input))? == Some(0) {
                    bail!("the connection was closed");
                }
            }
        }
    }

    /// Writes everything and says that no more will come.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.stream.shutdown().await
    }

    fn parse(&mut self) -> anyhow::Result<Option<Packet>> {
        if self.output.is_empty() {
            self.output = BytesMut::new();
        }
        if self.input.is_empty() {
            self.input = BytesMut::new();
            return Ok(None);
        }
        match Packet::read(&mut self.input, MAX_PACKET) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error).context("cannot read a packet"),
        }
    }
}

/// How much went through; `None` when the socket was not ready after all.
fn progress(outcome: io::Result<usize>) -> anyhow::Result<Option<usize>> {
    match outcome {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error).context("the connection is lost"),
    }
}
