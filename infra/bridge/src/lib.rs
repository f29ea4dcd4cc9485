//! The bridge between the devices' MQTT and the gateway's HTTP, listening: it is the devices' MQTT server.
//!
//! What a device publishes on its four OTA topics is posted to the gateway; the answer is published back, and
//! only then is the device's message acknowledged, so that nothing is lost between the two. Commands reach a
//! device without a subscription, and once.
//! It decides nothing: who may come in, what is replied and what is pushed is the gateway's word. It stores
//! nothing either: a session lives as long as its connection, and a restart loses only what devices resend.
//!
//! ```text
//! listener ─ connection ─┬─ admission        CONNECT → /mqtt/auth → CONNACK
//!                        └─ session ─┬─ wire      socket ⇄ packets
//!                                    └─ lane ─ uplink    /topic/…, one at a time, until answered
//! registry   device → session        presence   /mqtt/presence        sweep   /internal/sweep
//! ```

mod admission;
mod bridge_id;
mod command;
mod connection;
mod end;
mod gateway;
mod lane;
mod listener;
mod metrics;
mod presence;
mod registry;
mod retry;
mod session;
mod settings;
mod stop;
mod sweep;
mod topics;
mod uplink;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bridge_id::BridgeId;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::presence::Presence;
use crate::registry::Registry;
use crate::stop::Stop;
use crate::sweep::Acknowledged;

pub use crate::metrics::MetricsSnapshot;
pub use crate::settings::Settings;

/// Starts a bridge; it serves when this returns. Needs a tokio runtime.
///
/// # Errors
/// The gateway's address or the token is unusable, or the address to listen on cannot be bound.
pub async fn start(settings: Settings) -> anyhow::Result<Bridge> {
    let bridge = BridgeId::random().context("no randomness for the bridge id")?;
    let metrics = Arc::new(Metrics::default());
    let presence = Arc::new(Presence::default());
    let shared = Arc::new(Shared {
        gateway: Gateway::new(&settings, &bridge, Arc::clone(&metrics))?,
        registry: Arc::new(Registry::new(Arc::clone(&presence), Arc::clone(&metrics))),
        acknowledged: Acknowledged::default(),
        presence,
        metrics,
        bridge,
        settings,
    });
    let listen = shared.settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let local_addr = listener.local_addr()?;
    tracing::info!(%local_addr, gateway = shared.settings.gateway, bridge = %shared.bridge, "bridge listens");

    let (stop, stopping) = Stop::new();
    let (close, closing) = Stop::new();
    Ok(Bridge {
        local_addr,
        listener: tokio::spawn(listener::run(listener, Arc::clone(&shared), stopping.clone())),
        sweep: tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { sweep::run(&shared, stopping).await }
        }),
        presence: tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { presence::run(&shared, closing).await }
        }),
        shared,
        stop,
        close,
    })
}

/// A running bridge. Dropping it stops it too, but waits for nothing.
pub struct Bridge {
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Stop,
    close: Stop,
    listener: JoinHandle<()>,
    sweep: JoinHandle<()>,
    presence: JoinHandle<()>,
}

impl Bridge {
    /// Where it listens, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The counters at this moment.
    pub fn metrics(&self) -> MetricsSnapshot {
        self.shared.metrics.snapshot(self.shared.registry.len())
    }

    /// Stops within two seconds: no new connections, a moment for the messages under way, then the sessions are
    /// closed and the gateway is told, if it listens.
    pub async fn stop(self) {
        self.stop.now();
        finish("listener", self.listener, Duration::from_millis(1400)).await;
        finish("sweep", self.sweep, Duration::from_millis(50)).await;
        self.close.now();
        finish("presence", self.presence, Duration::from_millis(450)).await;
    }
}

/// Waits for a task that was told to end, and ends it after `within`.
async fn finish(name: &str, mut task: JoinHandle<()>, within: Duration) {
    match timeout(within, &mut task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(name, %error, "a task of the bridge failed"),
        Err(_) => task.abort(),
    }
}

/// What all parts of one bridge have in common.
struct Shared {
    settings: Settings,
    bridge: BridgeId,
    gateway: Gateway,
    registry: Arc<Registry>,
    presence: Arc<Presence>,
    acknowledged: Acknowledged,
    metrics: Arc<Metrics>,
}
