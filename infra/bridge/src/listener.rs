//! Accepts connections, up to the cap, and sees them off when the bridge stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Shared;
use crate::connection::serve;
use crate::stop::Stopping;

/// How long sessions may take to finish the message under way when the bridge stops.
const GRACE: Duration = Duration::from_secs(1);
/// The pause after a failed accept, which mostly means that the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(50);

/// Runs until the bridge stops and every connection has ended.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>, mut stopping: Stopping) {
    let places = Arc::new(Semaphore::new(shared.settings.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    shared.metrics.connections.count();
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        shared.metrics.connections_refused.count();
                        tracing::debug!(%peer, limit = shared.settings.max_connections, "too many connections");
                        continue;
                    };
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%peer, %error, "no TCP_NODELAY");
                    }
                    connections.spawn(serve(stream, peer, Arc::clone(&shared), stopping.clone(), place));
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    sleep(BREATH).await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the task of a connection failed");
                }
            }
            () = stopping.begun() => break,
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, all_ended).await.is_err() {
        tracing::debug!(left = connections.len(), "connections cut off by the stop");
        connections.shutdown().await;
    }
}
