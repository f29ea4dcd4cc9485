//! How commands and replies reach a device: without a subscription, once, and until a first sign.

use ota_it::{Device, Firmware, TestApp, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_device_is_told_by_the_sweep_and_its_puback_is_the_first_sign() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    let job = operator.job(&firmware, json!({ "first_sign_within": 1 })).await;
    let command = device.command().await;
    assert!(command.id.as_str().is_some_and(|id| id.len() > 15), "large and unique: {}", command.id);
    let acknowledged =
        eventually("the PUBACK is an event", async || operator.events("acknowledged").await.pop());
    assert_eq!(acknowledged.await["device"], "dk");
    // What was acknowledged does not lapse: of two deadlines only the longer one is left.
    let seen = app.sweeps();
    eventually("the grant would have lapsed", async || (app.sweeps() > seen + 12).then_some(())).await;
    assert_eq!(operator.task(&job, "dk").await["state"], "granted");
    assert_eq!(device.rest(), [], "it was told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_comes_without_a_subscription_and_once() {
    let app = TestApp::start().await;
    app.operator().product("pk").await;
    let mut device = app.device("pk", "dk", "1").await;
    for id in ["a", "b"] {
        device.publish("getversion", &json!({ "id": id, "params": {} })).await;
    }
    // Replies come in the order of the requests: behind the second, a repeated first would have been seen.
    for id in ["a", "b"] {
        let message = device.next().await;
        assert_eq!(message.topic, device.topic("getversion_reply"));
        assert_eq!(message.json["id"], id);
    }
    assert_eq!(device.inform("1").await, 200);
    assert_eq!(device.rest(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_not_acknowledged_comes_again_with_the_same_id() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let identity = operator.device("pk", "dk").await;
    let mut device = Device::connect_without_acknowledging(app.mqtt(), &identity).await;
    assert_eq!(device.inform("1").await, 200);
    operator.job(&firmware, json!({})).await;
    let first = device.command().await;
    drop(device);
    let mut device = Device::connect(app.mqtt(), &identity).await;
    assert_eq!(device.command().await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_takes_over_and_gets_what_the_first_would_have() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let identity = operator.device("pk", "dk").await;
    let older = app.connect(&identity, "1").await;
    let mut newer = Device::connect(app.mqtt(), &identity).await;
    operator.job(&firmware, json!({})).await;
    assert_eq!(newer.command().await.version, "2");
    drop(older);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_answers_stands_beside_its_task_however_late_it_comes() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    let job = operator.job(&firmware, json!({})).await;
    let command = device.command().await;
    eventually("its receipt is known", async || operator.events("acknowledged").await.pop()).await;
    for message in ["battery low", "doors open"] {
        device.publish("upgrade_reply", &json!({ "id": command.id, "code": 2001, "message": message })).await;
        eventually("its words are shown", async || {
            let task = operator.task(&job, "dk").await;
            assert_eq!(task["state"], "granted", "they are no verdict");
            (task["detail"] == format!("the device answered 2001 {message}")).then_some(())
        })
        .await;
    }
}
