//! `ota up` under `kill -9`: what was decided before is what goes on after.

use std::net::SocketAddr;

use ota_it::{
    Device, Firmware, HttpClient, Identity, Operator, Program, fetch_from, fetch_some, free_address, ota,
};
use serde_json::json;
use tempfile::TempDir;

/// `ota up` on one folder and the same two addresses, however often it is started.
struct Up {
    folder: TempDir,
    http: SocketAddr,
    mqtt: SocketAddr,
}

impl Up {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), http: free_address(), mqtt: free_address() }
    }

    /// Starts it; returns once it serves.
    async fn start(&self) -> (Program, Operator) {
        let mut command = ota().await;
        command.args(["up", "--no-build", "--dir"]).arg(self.folder.path().join("state"));
        command.args(["--http", &self.http.to_string(), "--mqtt", &self.mqtt.to_string()]);
        let mut running = Program::start(command);
        let ready = running.line("ready").await;
        let field = |name| ready.split(' ').find_map(|field| field.strip_prefix(name)).unwrap();
        assert_eq!(
            (field("http="), field("mqtt=")),
            (format!("http://{}", self.http).as_str(), self.mqtt.to_string().as_str())
        );
        let operator = Operator::new(HttpClient::new(field("http=").to_owned()), field("token="));
        (running, operator)
    }
}

/// A device in the middle of an upgrade, and the gateway that is killed under it.
struct Upgrade {
    up: Up,
    running: Program,
    operator: Operator,
    identity: Identity,
    device: Device,
}

impl Upgrade {
    async fn begin(firmware: &Firmware) -> Self {
        let up = Up::new();
        let (running, operator) = up.start().await;
        operator.product("pk").await;
        operator.firmware("pk", firmware).await;
        let identity = operator.device("pk", "dk").await;
        let device = Device::connect(up.mqtt, &identity).await;
        Self { up, running, operator, identity, device }
    }

    /// Kills the gateway, starts it again on its folder, and brings the device back.
    async fn kill_and_restart(self) -> Self {
        let Self { up, running, identity, .. } = self;
        running.kill().await;
        let (running, operator) = up.start().await;
        let device = Device::connect(up.mqtt, &identity).await;
        Self { up, running, operator, identity, device }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_survives_kill_9_after_each_of_its_steps() {
    let firmware = Firmware::new("2", 900_000);
    let mut now = Upgrade::begin(&firmware).await;
    assert_eq!(now.device.inform("1").await, 200);

    let mut now = now.kill_and_restart().await;
    let job = now.operator.job(&firmware, json!({ "loss_budget": 1 })).await;
    let command = now.device.command().await;

    let mut now = now.kill_and_restart().await;
    assert_eq!(now.device.progress(10).await, 200);
    let mut bytes = fetch_some(&command.file_url, 400_000).await;

    let mut now = now.kill_and_restart().await;
    bytes.extend(fetch_from(&command.file_url, bytes.len()).await.bytes);
    assert!(bytes == firmware.bytes, "the link that was given before opens the rest");
    assert_eq!(now.device.progress(80).await, 200);
    let before = now.operator.show(&job).await;
    assert_eq!((&before["exposed"], &before["in_flight"]), (&json!(1), &json!(1)));

    let mut now = now.kill_and_restart().await;
    assert_eq!(now.operator.show(&job).await, before, "nothing that was answered is lost");
    assert_eq!(now.device.inform("2").await, 200);
    let done = now.operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["exposed"]), (&json!(1), &json!(0)));

    let now = now.kill_and_restart().await;
    assert_eq!(now.operator.show(&job).await, done);
}
