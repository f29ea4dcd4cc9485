//! What a bridge is told at its start: where it listens, whom it asks, and the bounds of what it holds.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The settings of a [`Bridge`](crate::Bridge); everything but the first three has a sensible default.
#[derive(Clone)]
pub struct Settings {
    /// Where devices connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The gateway's address, `http://host:port`, without a path.
    pub gateway: String,
    /// The bridge token; must not be empty.
    pub token: String,
    /// Connections at once; further ones are closed as they come. 10 000.
    pub max_connections: usize,
    /// A connection that has not sent its CONNECT within this is closed. 10 s.
    pub connect_within: Duration,
    /// The largest MQTT packet in bytes; a larger one closes its connection. 513 KiB + 5 bytes, so that the
    /// gateway and not the bridge answers payloads just above the protocol's 512 KB.
    pub max_packet: u32,
    /// Messages of one device taken off its socket and not yet answered; beyond it the socket is not read. 32.
    pub max_queued: usize,
    /// Bytes of the payloads of those messages; one message is always taken. 1 MiB.
    pub max_queued_bytes: usize,
    /// Replies and commands that a device has not acknowledged; beyond it its connection is closed. 1 024.
    pub max_unacknowledged: usize,
    /// Requests of all devices to the gateway at once; further ones wait. 256.
    pub max_in_flight: usize,
    /// How long the gateway may take for one request, body included. 10 s.
    pub request_timeout: Duration,
    /// The pause before the first retry; it doubles from there. 250 ms.
    pub retry_first: Duration,
    /// The longest pause between retries, and the most that a `Retry-After` is honoured. 30 s.
    pub retry_longest: Duration,
    /// The pause after the gateway refused the bridge token: only an operator can mend that. 30 s.
    pub retry_refused_token: Duration,
    /// How long a device may take to accept what is written to it. 10 s.
    pub write_timeout: Duration,
    /// The longest silence of a device that asked for no keep-alive. 1 h.
    pub silence_limit: Duration,
    /// The pause between two sweeps. 1 s.
    pub sweep_every: Duration,
    /// How long changes of presence are gathered into one report. 100 ms.
    pub presence_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            gateway: "http://127.0.0.1:3000".to_owned(),
            token: String::new(),
            max_connections: 10_000,
            connect_within: Duration::from_secs(10),
            max_packet: 513 * 1024 + 5,
            max_queued: 32,
            max_queued_bytes: 1024 * 1024,
            max_unacknowledged: 1024,
            max_in_flight: 256,
            request_timeout: Duration::from_secs(10),
            retry_first: Duration::from_millis(250),
            retry_longest: Duration::from_secs(30),
            retry_refused_token: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            silence_limit: Duration::from_hours(1),
            sweep_every: Duration::from_secs(1),
            presence_every: Duration::from_millis(100),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("gateway", &self.gateway)
            .field("max_connections", &self.max_connections)
            .field("max_packet", &self.max_packet)
            .field("max_in_flight", &self.max_in_flight)
            .finish_non_exhaustive()
    }
}
