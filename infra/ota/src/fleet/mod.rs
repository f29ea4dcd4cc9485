//! A fleet of simulated devices: real MQTT clients with the vendor's login, real downloads, digests checked
//! on the device's side. Knows nothing of the gateway but the wire.

mod device;
mod download;
mod login;
mod message;
mod mqtt;
mod session;

pub(crate) use device::Fault;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ota_protocol::key::DeviceId;
use ota_protocol::secret::Secret;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::download::Downloader;
use self::session::Session;

/// How many devices may be on their way in at once: a fleet that starts together must not look like a flood.
const ADMITTED_AT_ONCE: usize = 64;

/// One device of the fleet, as it leaves the factory.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: DeviceId,
    pub(crate) secret: Secret,
    /// The version that it runs.
    pub(crate) version: String,
    /// What will go wrong with its upgrade.
    pub(crate) fault: Option<Fault>,
}

/// How long the parts of an upgrade take on a simulated device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// From a verified download to the restart.
    pub(crate) install: Duration,
    /// From the restart to the next connection.
    pub(crate) restart: Duration,
}

/// Devices at work; they all fall silent when this is dropped.
#[derive(Debug)]
pub(crate) struct Fleet {
    devices: JoinSet<()>,
    informed: watch::Receiver<usize>,
}

impl Fleet {
    /// Connects every member to the MQTT server at `broker`. Must be called on a tokio runtime.
    pub(crate) fn start(broker: SocketAddr, members: Vec<Member>, pace: Pace) -> Self {
        let (count, informed) = watch::channel(0);
        let count = Arc::new(count);
        let admission = Arc::new(Semaphore::new(ADMITTED_AT_ONCE));
        let downloader = Downloader::new();
        let mut devices = JoinSet::new();
        for member in members {
            let (count, admission) = (Arc::clone(&count), Arc::clone(&admission));
            let downloader = downloader.clone();
            devices.spawn(async move {
                // The semaphore is never closed: without a permit the device just starts.
                let permit = admission.acquire_owned().await.ok();
                let on_informed = move || {
                    drop(permit);
                    count.send_modify(|informed| *informed += 1);
                };
                Session::new(broker, member, pace, downloader).run(on_informed).await;
            });
        }
        Self { devices, informed }
    }

    /// Waits until every device has informed its version and the gateway has answered it.
    pub(crate) async fn all_informed(&mut self, within: Duration) -> anyhow::Result<()> {
        let all = self.devices.len();
        let done = self.informed.wait_for(|informed| *informed >= all);
        let waited = tokio::time::timeout(within, done).await.map(|result| result.map(|_| ()));
        if let Ok(result) = waited {
            return result.context("a simulated device ended before it informed its version");
        }
        let informed = *self.informed.borrow();
        ensure!(
            informed >= all,
            "only {informed} of {all} devices informed their version within {} s",
            within.as_secs()
        );
        Ok(())
    }
}
