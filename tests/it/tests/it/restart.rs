//! `ota up` killed and stopped: what was decided before is what goes on after.

use std::time::{Duration, Instant};

use ota_it::{Device, Firmware, Identity, RunningUp, Up, fetch, fetch_from, fetch_some, stall};
use serde_json::json;

/// A device in the middle of an upgrade, and the gateway that is killed under it.
struct Upgrade {
    up: Up,
    running: RunningUp,
    identity: Identity,
    device: Device,
}

impl Upgrade {
    async fn begin(firmware: &Firmware) -> Self {
        let up = Up::new();
        let running = up.start().await;
        running.operator.prepare(firmware).await;
        let identity = running.operator.device("pk", "dk").await;
        let device = Device::connect(up.mqtt(), &identity).await;
        Self { up, running, identity, device }
    }

    /// Kills the gateway, starts it again on its folder, and brings the device back.
    async fn kill_and_restart(self) -> Self {
        let Self { up, running, identity, .. } = self;
        running.kill().await;
        let running = up.start().await;
        let device = Device::connect(up.mqtt(), &identity).await;
        Self { up, running, identity, device }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_survives_kill_9_after_each_of_its_steps() {
    let firmware = Firmware::new("2", 900_000);
    let mut now = Upgrade::begin(&firmware).await;
    assert_eq!(now.device.inform("1").await, 200);

    let mut now = now.kill_and_restart().await;
    let job = now.running.operator.job(&firmware, json!({ "loss_budget": 1 })).await;
    let command = now.device.command().await;

    let mut now = now.kill_and_restart().await;
    assert_eq!(now.device.progress(10).await, 200);
    let mut bytes = fetch_some(&command.file_url, 400_000).await;

    let mut now = now.kill_and_restart().await;
    bytes.extend(fetch_from(&command.file_url, bytes.len()).await.bytes);
    assert!(bytes == firmware.bytes, "the link that was given before opens the rest");
    assert_eq!(now.device.progress(80).await, 200);
    let before = now.running.operator.show(&job).await;
    assert_eq!((&before["exposed"], &before["in_flight"]), (&json!(1), &json!(1)));

    let mut now = now.kill_and_restart().await;
    assert_eq!(now.running.operator.show(&job).await, before, "nothing that was answered is lost");
    assert_eq!(now.device.inform("2").await, 200);
    let done = now.running.operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["exposed"]), (&json!(1), &json!(0)));

    let now = now.kill_and_restart().await;
    assert_eq!(now.running.operator.show(&job).await, done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_within_two_seconds_with_devices_at_work_and_they_go_on_after() {
    let firmware = Firmware::new("2", 8_000_000);
    let mut now = Upgrade::begin(&firmware).await;
    assert_eq!(now.device.inform("1").await, 200);
    let job = now.running.operator.job(&firmware, json!({})).await;
    let command = now.device.command().await;
    // Takes the beginning, and then not another byte: its download stands still.
    let _stalled = stall(&command.file_url).await;
    let Upgrade { up, running, identity, mut device } = now;
    let asked = Instant::now();
    running.terminate().await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    device.until_disconnected().await;

    let running = up.start().await;
    let mut device = Device::connect(up.mqtt(), &identity).await;
    assert!(fetch(&command.file_url).await.bytes == firmware.bytes);
    assert_eq!(device.inform("2").await, 200);
    assert_eq!(running.operator.until_done(&job).await["succeeded"], 1);
}
