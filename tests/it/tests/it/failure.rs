//! Devices that do not come back as they should, and what the operator sees of each.

use ota_it::{Device, Firmware, TestApp, fetch};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_failure_is_told_apart_and_stays_exposed() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 70_000);
    let operator = app.product(&firmware).await;
    let (mut good, mut corrupt, mut silent, mut back) = (
        app.device("pk", "good", "1").await,
        app.device("pk", "corrupt", "1").await,
        app.device("pk", "silent", "1").await,
        app.device("pk", "back", "1").await,
    );
    let job = operator.job(&firmware, json!({ "upgrade_timeout": 3, "confirm_within": 1 })).await;
    for device in [&mut good, &mut corrupt, &mut silent, &mut back] {
        let command = device.command().await;
        fetch(&command.file_url).await;
    }
    assert_eq!(good.inform("2").await, 200);
    assert_eq!(corrupt.progress(-3).await, 200);
    assert_eq!(back.progress(80).await, 200);
    assert_eq!(back.inform("1").await, 200);

    let done = operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["failed"], &done["timed_out"]), (&json!(1), &json!(2), &json!(1)));
    assert_eq!(done["exposed"], 3, "three are lost");
    for (device, state, reason) in [
        ("good", "succeeded", json!(null)),
        ("corrupt", "failed", json!("verification_failed")),
        ("silent", "timed_out", json!("timed_out")),
        ("back", "failed", json!("rollback")),
    ] {
        let task = operator.task(&job, device).await;
        assert_eq!((&task["state"], &task["reason"]), (&json!(state), &reason), "{task}");
    }

    assert_eq!(silent.inform("2").await, 200);
    assert_eq!(back.inform("2").await, 200);
    let late = operator.show(&job).await;
    assert_eq!((&late["succeeded"], &late["exposed"]), (&json!(3), &json!(1)), "late successes count");
    assert_eq!(operator.events("succeeded_late").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_leaves_the_target_again_is_lost_after_all() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    let job = operator.job(&firmware, json!({})).await;
    fetch(&device.command().await.file_url).await;
    assert_eq!(device.inform("2").await, 200);
    assert_eq!(operator.until_done(&job).await["exposed"], 0);
    assert_eq!(device.inform("1").await, 200);
    let reverted = operator.show(&job).await;
    assert_eq!((&reverted["succeeded"], &reverted["exposed"]), (&json!(0), &json!(1)));
    assert_eq!(operator.task(&job, "dk").await["reason"], "reverted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_sign_lapses_and_its_link_dies() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let identity = operator.device("pk", "mute").await;
    let mut device = Device::connect_without_acknowledging(app.mqtt(), &identity).await;
    assert_eq!(device.inform("1").await, 200);
    let job = operator.job(&firmware, json!({ "first_sign_within": 1 })).await;
    let command = device.command().await;
    drop(device);
    operator.until(&job, "the grant lapses", |job| job["in_flight"] == 0 && job["waiting"] == 1).await;
    assert_eq!(operator.show(&job).await["exposed"], 0, "it never began");
    assert_eq!(fetch(&command.file_url).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_never_show_a_sign_do_not_keep_the_only_slot_from_one_that_would() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let mut mutes = Vec::new();
    for key in ["a1", "a2", "a3"] {
        let identity = operator.device("pk", key).await;
        let mut mute = Device::connect_without_acknowledging(app.mqtt(), &identity).await;
        assert_eq!(mute.inform("1").await, 200);
        mutes.push(mute);
    }
    let mut device = app.device("pk", "z", "1").await;
    operator.job(&firmware, json!({ "first_sign_within": 1, "loss_budget": 1 })).await;
    assert_eq!(device.command().await.version, "2");
}
