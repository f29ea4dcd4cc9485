//! A native host for the gateway's Spin application: runs the same `spin.toml`
//! and the same `.wasm` as `spin up`, on wasmtime, for the demo, the tests and
//! the benchmarks. Production is Spin.
//!
//! It knows nothing of firmware, devices or topics: only of Spin's manifest, its
//! HTTP trigger and the host interfaces that `spin-sdk` 5.2 components import.
//! What it does not do: TLS on the listener, Wagi, file mounts, SQLite databases
//! other than the default ones, `MySQL`, Redis, MQTT.

mod application;
mod component;
mod engine;
mod exchange;
mod grants;
mod guest;
mod key_value;
mod manifest;
mod outbound;
mod phase;
mod postgres;
mod routes;
mod server;
mod settings;
mod sqlite;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use settings::{Limits, Settings};

use application::Application;
use phase::{Phase, Phases};
use server::Server;

/// How long open requests may go on after [`Host::stop`] was called.
const DRAIN: Duration = Duration::from_millis(1_300);
/// How long the aborted rest may take to let go.
const ABORT: Duration = Duration::from_millis(400);

/// A running host. Dropping it aborts what it serves; [`Host::stop`] is the polite way.
#[derive(Debug)]
pub struct Host {
    local_addr: SocketAddr,
    phase: phase::Control,
    serving: JoinHandle<()>,
}

/// Binds, loads every component of the manifest and serves; returns once it does.
///
/// # Errors
/// When the manifest is not one that Spin 3.5 takes, a variable is required and
/// unset, a component cannot be read or compiled, the state cannot be opened, or
/// the address is taken.
pub async fn start(settings: Settings) -> Result<Host> {
    settings.limits.check()?;
    let application = Application::load(&settings)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let local_addr = listener.local_addr()?;
    let (phase, phases) = Phases::begin();
    let server = Server::prepare(application, &settings, local_addr, phases).await?;
    let serving = tokio::spawn(server.serve(listener));
    tracing::info!(%local_addr, "serving");
    Ok(Host { local_addr, phase, serving })
}

impl Host {
    /// The address it listens on: with port 0 in the settings, the one it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, lets open requests end for a moment, aborts the rest.
    /// Takes 2 s at most.
    pub async fn stop(mut self) {
        self.phase.enter(Phase::Draining);
        if tokio::time::timeout(DRAIN, &mut self.serving).await.is_ok() {
            return;
        }
        tracing::warn!("aborting the requests that did not end in time");
        self.phase.enter(Phase::Aborting);
        if tokio::time::timeout(ABORT, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}
