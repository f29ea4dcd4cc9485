//! `ota up` under `kill -9`: what was decided before is what goes on after.

use std::net::{SocketAddr, TcpListener};

use ota_it::{Device, Firmware, HttpClient, Operator, Program, fetch_from, fetch_some, ota};
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
        // Both are held while they are chosen, so that they differ.
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let [http, mqtt] = [free(), free()].map(|held| held.local_addr().unwrap());
        Self { folder: tempfile::tempdir().unwrap(), http, mqtt }
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

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_goes_on_after_kill_9_in_the_middle_of_its_download() {
    let up = Up::new();
    let firmware = Firmware::new("2", 900_000);
    let (running, operator) = up.start().await;
    operator.product("pk").await;
    operator.firmware("pk", &firmware).await;
    let identity = operator.device("pk", "dk").await;
    let mut device = Device::connect(up.mqtt, &identity).await;
    assert_eq!(device.inform("1").await, 200);
    let job = operator.job(&firmware, json!({ "loss_budget": 1 })).await;
    let command = device.command().await;
    assert_eq!(device.progress(10).await, 200);
    let mut bytes = fetch_some(&command.file_url, 400_000).await;
    let before = operator.show(&job).await;
    running.kill().await;

    let (running, operator) = up.start().await;
    assert_eq!(operator.show(&job).await, before, "nothing that was answered is lost");
    let mut device = Device::connect(up.mqtt, &identity).await;
    bytes.extend(fetch_from(&command.file_url, bytes.len()).await.bytes);
    assert!(bytes == firmware.bytes, "the link that was given before opens the rest");
    assert_eq!(device.progress(80).await, 200);
    assert_eq!(device.inform("2").await, 200);
    let done = operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["exposed"]), (&json!(1), &json!(0)));
    running.kill().await;

    let (_running, operator) = up.start().await;
    assert_eq!(operator.show(&job).await, done);
}
