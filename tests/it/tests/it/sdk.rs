//! The vendor's Python SDK as it is on `PyPI`, against `ota up` (PROTOCOL: the SDKs win).

use ota_it::{Firmware, Program, Proxy, SignMethod, Up, sdk};
use serde_json::{Value, json};

/// The next request that the SDK made, as it was on the wire, and the code of the reply.
async fn asked(device: &mut Program) -> (Value, i64) {
    let mut asked = device.json("asked").await;
    (asked["request"].take(), asked["code"].as_i64().unwrap())
}

async fn verified(device: &mut Program, firmware: &Firmware) {
    let verified = device.json("verified").await;
    assert_eq!(verified, json!({ "sign": firmware.sign(), "size": firmware.bytes.len() }));
}

/// The device comes back, and the operator sees nothing but that.
fn expect_success(job: &Value, devices: u64) {
    let seen = ["devices", "succeeded", "failed", "timed_out", "in_flight", "exposed"];
    assert_eq!(
        seen.map(|name| &job[name]),
        [&json!(devices), &json!(devices), &json!(0), &json!(0), &json!(0), &json!(0)]
    );
    assert_eq!(job["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_upgrade_runs_inside_the_handler_as_in_the_vendors_sample() {
    let up = Up::new();
    let running = up.start().await;
    let firmware = Firmware::new("2.0", 700_001);
    let operator = &running.operator;
    operator.prepare(&firmware).await;
    let identity = operator.device("pk", "python").await;
    let mut device = sdk("cloud_push", up.mqtt(), &identity);
    let (inform, code) = asked(&mut device).await;
    // What makes this SDK hard: a wrong method, and a version that is a number.
    assert_eq!((&inform["method"], inform["params"]["version"].as_f64()), (&json!("ota.inform"), Some(1.0)));
    assert_eq!(code, 200);
    device.line("ready").await;
    let job = operator.job(&firmware, json!({})).await;
    let (progress, _) = asked(&mut device).await;
    assert_eq!((&progress["method"], &progress["params"]["step"]), (&json!("ota.progress"), &json!(20)));
    verified(&mut device, &firmware).await;
    device.line("upgraded").await;
    expect_success(&operator.until_done(&job).await, 1);
    assert_eq!(operator.task(&job, "python").await["from"], "1.0", "the number as it was written");
    device.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_asks_takes_the_last_offer() {
    let up = Up::new();
    let running = up.start().await;
    let firmware = Firmware::new("2.0", 300_000).signed(SignMethod::Sha256);
    let operator = &running.operator;
    operator.prepare(&firmware).await;
    let identity = operator.device("pk", "python").await;
    let mut device = sdk("device_request", up.mqtt(), &identity);
    device.line("ready").await;
    let (getversion, code) = asked(&mut device).await;
    assert_eq!((&getversion["method"], code), (&json!("Ota.device.getversion"), 200));
    let job = operator.job(&firmware, json!({ "mode": "request" })).await;
    verified(&mut device, &firmware).await;
    assert_eq!(device.json("left").await, json!([]), "nothing is offered twice");
    expect_success(&operator.until_done(&job).await, 1);
    device.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_raises_costs_its_job_and_not_the_device() {
    let up = Up::new();
    let running = up.start().await;
    let firmware = Firmware::new("2.0", 1000);
    let operator = &running.operator;
    operator.prepare(&firmware).await;
    let identity = operator.device("pk", "python").await;
    let mut device = sdk("failing_handler", up.mqtt(), &identity);
    device.line("ready").await;
    let job = operator.job(&firmware, json!({ "upgrade_timeout": 1 })).await;
    assert_eq!(device.json("pushed").await, 1);
    let failed = operator.until_done(&job).await;
    assert_eq!((&failed["timed_out"], &failed["exposed"]), (&json!(1), &json!(0)), "it never began");
    let answered = "the device answered 500 command handler execution failedno room in flash";
    assert_eq!(operator.task(&job, "python").await["detail"], answered);

    let again = operator.job(&firmware, json!({})).await;
    assert_eq!(device.json("pushed").await, 2);
    device.line("upgraded").await;
    expect_success(&operator.until_done(&again).await, 1);
    device.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_abnormal_drop_replies_and_pushes_arrive_without_a_new_subscription() {
    let up = Up::new();
    let running = up.start().await;
    let firmware = Firmware::new("2.0", 1000);
    let operator = &running.operator;
    operator.prepare(&firmware).await;
    let identity = operator.device("pk", "python").await;
    let network = Proxy::start(up.mqtt()).await;
    let mut device = sdk("reconnect", network.address(), &identity);
    device.line("ready").await;
    network.cut();
    device.line("connected").await;
    device.line("back").await;
    let job = operator.job(&firmware, json!({})).await;
    device.line("upgraded").await;
    expect_success(&operator.until_done(&job).await, 1);
    device.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_upgrade_at_once() {
    let up = Up::new();
    let running = up.start().await;
    let firmware = Firmware::new("2.0", 500_000);
    let operator = &running.operator;
    operator.prepare(&firmware).await;
    let mut devices = Vec::new();
    for key in ["one", "other"] {
        devices.push(sdk("cloud_push", up.mqtt(), &operator.device("pk", key).await));
    }
    for device in &mut devices {
        device.line("ready").await;
    }
    let job = operator.job(&firmware, json!({})).await;
    for device in &mut devices {
        verified(device, &firmware).await;
        device.line("upgraded").await;
    }
    expect_success(&operator.until_done(&job).await, 2);
    for device in devices {
        device.finish().await;
    }
}
