//! How long informs take when they come at a steady pace, whatever the answers take.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use crate::connection::Connection;
use crate::gateway::{self, Gateway};

/// Devices' connections, as a bridge would keep them.
const CONNECTIONS: u32 = 8;
/// Between two informs of one connection: 200 in a second over all.
const PACE: Duration = Duration::from_millis(40);
/// How long they are counted.
const WINDOW: Duration = Duration::from_secs(6);
/// A timer fires up to this late; an inform that is later had to wait for the one before it.
const GRAIN: Duration = Duration::from_millis(2);

/// How long each of many requests took, sorted.
pub(crate) struct Latency(Vec<Duration>);

impl Latency {
    /// The median, in ms.
    pub(crate) fn p50(&self) -> f64 {
        self.quantile(50)
    }

    /// What one of a hundred exceeds, in ms.
    pub(crate) fn p99(&self) -> f64 {
        self.quantile(99)
    }

    fn quantile(&self, percent: usize) -> f64 {
        let at = self.0.len().saturating_sub(1) * percent / 100;
        self.0.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }
}

/// Informs of one device that has nothing to do.
pub(crate) async fn informs(gateway: &Gateway) -> Result<Latency> {
    let begin = Instant::now() + PACE;
    let mut loops = JoinSet::new();
    for n in 0..CONNECTIONS {
        loops.spawn(send(gateway.address(), begin + PACE * n / CONNECTIONS));
    }
    let mut all = Vec::new();
    while let Some(took) = loops.join_next().await {
        all.extend(took??);
    }
    all.sort();
    Ok(Latency(all))
}

async fn send(address: SocketAddr, begin: Instant) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let request = gateway::inform("d1", "1")?;
    let mut ticks = interval_at(begin, PACE);
    let mut took = Vec::new();
    loop {
        let due = ticks.tick().await;
        if due > begin + WINDOW {
            return Ok(took);
        }
        let now = Instant::now();
        let from = if now - due > GRAIN { due } else { now };
        let answer = connection.send(request.clone()).await?;
        ensure!(answer.status.is_success(), "an inform was answered {}", answer.status);
        took.push(from.elapsed());
    }
}
