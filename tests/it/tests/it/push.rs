//! Push jobs end to end: told over MQTT, downloaded over HTTP, proven by the version informed afterwards.

use ota_it::{Device, Ending, Firmware, SignMethod, TestApp, fetch, fetch_from, fetch_resuming};
use serde_json::json;

/// Four pieces and a bit, none of its ends on a boundary of anything.
const SIZE: usize = 1_100_003;

/// Checks what it was told, downloads over a breaking connection, verifies, reports and comes back.
async fn upgrade(mut device: Device, firmware: Firmware) {
    let command = device.command().await;
    assert_eq!(command.version, firmware.version);
    assert_eq!(command.sign, firmware.sign());
    assert_eq!(command.sign_method, firmware.sign_method.as_str());
    assert_eq!(command.file_size, firmware.bytes.len() as u64);
    let bytes = fetch_resuming(&command.file_url, firmware.bytes.len(), 400_000).await;
    assert!(bytes == firmware.bytes, "the bytes are not those that were uploaded");
    assert_eq!(device.progress(50).await, 200);
    assert_eq!(device.progress(80).await, 200);
    assert_eq!(device.inform(&firmware.version).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_told_download_over_a_breaking_connection_and_succeed() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("v2.0", SIZE).signed(SignMethod::Sha256);
    let operator = app.product(&firmware).await;
    let mut devices = Vec::new();
    for key in ["d1", "d2", "d3", "d4"] {
        devices.push(app.device("pk", key, "v1.0").await);
    }
    let job = operator.job(&firmware, json!({})).await;
    let upgrades: Vec<_> =
        devices.into_iter().map(|device| tokio::spawn(upgrade(device, firmware.clone()))).collect();
    for upgrade in upgrades {
        upgrade.await.unwrap();
    }
    let done = operator.until_done(&job).await;
    assert_eq!((&done["devices"], &done["succeeded"], &done["begun"]), (&json!(4), &json!(4), &json!(4)));
    assert_eq!((&done["exposed"], &done["in_flight"], &done["failed"]), (&json!(0), &json!(0), &json!(0)));
    let shown = operator.get("/api/v1/products/pk/devices/d1").await;
    assert_eq!(shown["version"], "v2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_away_when_the_job_began_is_told_when_it_comes_back() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 10_000);
    let operator = app.product(&firmware).await;
    let late = operator.device("pk", "late").await;
    drop(app.connect(&late, "1").await);
    let job = operator.job(&firmware, json!({})).await;
    upgrade(app.connect(&late, "1").await, firmware).await;
    operator.until_done(&job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_no_download_begins_and_one_that_began_goes_on() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", SIZE);
    let operator = app.product(&firmware).await;
    let mut begun = app.device("pk", "begun", "1").await;
    let mut told = app.device("pk", "told", "1").await;
    let mut reported = app.device("pk", "reported", "1").await;
    let job = operator.job(&firmware, json!({})).await;
    let (first, second) = (begun.command().await, told.command().await);
    let third = reported.command().await;
    assert_eq!(fetch_from(&first.file_url, 950_000).await.status.as_u16(), 206);
    assert_eq!(reported.progress(0).await, 200);

    let stopped = operator.post(&format!("/api/v1/jobs/{job}/stop"), json!({})).await.json(200);
    assert_eq!(stopped["state"], "stopped");
    // A report of progress opens nothing that stop closed.
    for url in [&second.file_url, &third.file_url] {
        let refused = fetch(url).await;
        assert_eq!((refused.status.as_u16(), refused.ending), (410, Ending::Whole));
    }
    let rest = fetch_from(&first.file_url, 900_000).await;
    assert_eq!((rest.status.as_u16(), rest.ending), (206, Ending::Whole));
    assert!(rest.bytes == firmware.bytes[900_000..]);
    assert_eq!(begun.inform("2").await, 200);
    assert_eq!(operator.task(&job, "begun").await["state"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_any_script_travels_intact() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("版本 2 \u{1f4a1}\"\\/%3F?&=", 1000);
    let operator = app.product(&firmware).await;
    let device = app.device("pk", "dk", "1 β").await;
    let job = operator.job(&firmware, json!({ "from": ["1 β"] })).await;
    upgrade(device, firmware).await;
    operator.until_done(&job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_allowed_character_and_length_work_from_login_to_download() {
    let app = TestApp::start().await;
    let operator = app.operator();
    let firmware = Firmware::new("2", 1000);
    let (product, device) = ("A.b_c:d@e-0", "z".repeat(64));
    operator.product(product).await;
    operator.firmware(product, &firmware).await;
    let device = app.device(product, &device, "1").await;
    let job = operator.job(&firmware, json!({ "product": product })).await;
    upgrade(device, firmware).await;
    operator.until_done(&job).await;
}
