//! A bridge with short pauses in front of a scripted gateway, and how to wait for what must happen.

use std::time::Duration;

use ota_bridge::{Bridge, Settings};
use tokio::time::{Instant, sleep};

use crate::device::Device;
use crate::gateway::Gateway;

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing is observed before a test believes that nothing happens.
pub(crate) const QUIET: Duration = Duration::from_millis(150);
pub(crate) const TOKEN: &str = "test-token";

/// One bridge, its gateway, and nothing else.
pub(crate) struct Setup {
    pub(crate) bridge: Bridge,
    pub(crate) gateway: Gateway,
}

impl Setup {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let gateway = Gateway::start().await;
        let mut settings = settings(&gateway.url());
        adjust(&mut settings);
        let bridge = ota_bridge::start(settings).await.unwrap();
        Self { bridge, gateway }
    }

    /// A connected device of product `pk`.
    pub(crate) async fn device(&self, key: &str) -> Device {
        Device::connect(self.bridge.local_addr(), key).await
    }
}

/// Settings under which a retry takes milliseconds.
pub(crate) fn settings(gateway: &str) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        gateway: gateway.to_owned(),
        token: TOKEN.to_owned(),
        retry_first: Duration::from_millis(10),
        retry_longest: Duration::from_millis(100),
        retry_refused_token: Duration::from_millis(50),
        sweep_every: Duration::from_millis(20),
        presence_every: Duration::from_millis(10),
        ..Settings::default()
    }
}

/// Polls until the condition holds, or fails with its name.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The topic of a device of product `pk`.
pub(crate) fn topic(key: &str, name: &str) -> String {
    format!("/sys/pk/{key}/ota/device/{name}")
}
