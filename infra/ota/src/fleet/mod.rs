//! A fleet of simulated devices: real MQTT clients with the vendor's login, real downloads, digests checked
//! on the device's side. Knows nothing of the gateway but the wire.

mod arrival;
mod cast;
mod device;
mod download;
mod fault;
mod login;
mod message;
mod mqtt;
mod random;
mod reception;
mod session;
mod tally;
mod wire;

pub(crate) use arrival::Arrival;
pub(crate) use cast::Faults;
pub(crate) use fault::Fault;
pub(crate) use random::Random;
pub(crate) use reception::Line;
pub(crate) use tally::{Counted, Tally};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use ota_protocol::key::DeviceId;
use ota_protocol::secret::Secret;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use self::download::Downloader;
use self::session::Session;

/// How many devices may be on their way in at once: a fleet that starts together must not look like a flood.
const ADMITTED_AT_ONCE: usize = 64;

/// How often it is looked whether everyone has informed.
const EVERY: Duration = Duration::from_millis(100);

/// One device of the fleet, as it leaves the factory.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: DeviceId,
    pub(crate) secret: Secret,
    /// The version that it runs.
    pub(crate) version: String,
    /// What will go wrong with its upgrade.
    pub(crate) fault: Option<Fault>,
    /// When it comes in, from the start of the fleet on.
    pub(crate) arrives: Duration,
}

/// How long the parts of an upgrade take on a simulated device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// From a verified download to the restart.
    pub(crate) install: Duration,
    /// From the restart to the next connection.
    pub(crate) restart: Duration,
    /// How fast it downloads.
    pub(crate) line: Line,
}

/// Devices at work; they all fall silent when this is dropped.
#[derive(Debug)]
pub(crate) struct Fleet {
    _devices: JoinSet<()>,
    size: u64,
    tally: Tally,
}

impl Fleet {
    /// Connects every member to the MQTT server at `broker`, when it arrives. Must be called on a tokio runtime.
    pub(crate) fn start(broker: SocketAddr, members: Vec<Member>, pace: Pace) -> Self {
        let tally = Tally::default();
        let size = members.len() as u64;
        let admission = Arc::new(Semaphore::new(ADMITTED_AT_ONCE));
        let downloader = Downloader::new(pace.line, tally.clone());
        let begun = Instant::now();
        let mut devices = JoinSet::new();
        for member in members {
            let (tally, admission) = (tally.clone(), Arc::clone(&admission));
            let downloader = downloader.clone();
            devices.spawn(async move {
                sleep_until(begun + member.arrives).await;
                // The semaphore is never closed: without a permit the device just starts.
                let permit = admission.acquire_owned().await.ok();
                let informed = tally.clone();
                let on_informed = move || {
                    drop(permit);
                    informed.informed();
                };
                Session::new(broker, member, pace, downloader, tally).run(on_informed).await;
            });
        }
        Self { _devices: devices, size, tally }
    }

    /// What its devices have done so far.
    pub(crate) fn counted(&self) -> Counted {
        self.tally.counted()
    }

    /// Waits until every device has informed its version and the gateway has answered it; fails once nobody has for
    /// the time of `patience`.
    pub(crate) async fn all_informed(
        &self,
        patience: Duration,
        mut show: impl FnMut(Counted),
    ) -> anyhow::Result<()> {
        let mut last = (self.counted().informed, Instant::now());
        loop {
            let counted = self.counted();
            show(counted);
            let informed = counted.informed;
            if informed >= self.size {
                return Ok(());
            }
            if informed > last.0 {
                last = (informed, Instant::now());
            }
            ensure!(
                last.1.elapsed() < patience,
                "only {informed} of {} devices informed their version, and none in the last {} s",
                self.size,
                patience.as_secs()
            );
            sleep(EVERY).await;
        }
    }
}
