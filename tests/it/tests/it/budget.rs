//! The loss budget: what an update that bricks every device costs.

use ota_it::{Device, Firmware, TestApp, eventually, fetch};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_bricks_every_device_costs_no_more_than_the_budget() {
    const DEVICES: usize = 9;
    let app = TestApp::start().await;
    let firmware = Firmware::new("brick", 50_000);
    let operator = app.product(&firmware).await;
    let mut bricks = Vec::new();
    for n in 0..DEVICES {
        let mut device = app.device("pk", &format!("d{n}"), "1").await;
        bricks.push(tokio::spawn(async move {
            let command = device.command().await;
            fetch(&command.file_url).await;
            // Never heard again.
        }));
    }
    let terms = json!({ "loss_budget": 3, "upgrade_timeout": 1 });
    let job = operator.job(&firmware, terms).await;
    let lost = operator.until(&job, "the budget is lost", |job| job["timed_out"] == 3);
    let lost = lost.await;
    assert_eq!((&lost["exposed"], &lost["bound"], &lost["in_flight"]), (&json!(3), &json!(3), &json!(0)));

    let seen = app.sweeps();
    eventually("the sweep had every chance to grant more", async || (app.sweeps() > seen + 5).then_some(()))
        .await;
    let after = operator.show(&job).await;
    assert_eq!((&after["begun"], &after["waiting"]), (&json!(3), &json!(6)));
    for brick in bricks {
        brick.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_update_accelerates_and_is_never_seen_above_its_bound() {
    const DEVICES: i64 = 24;
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 100_000);
    let operator = app.product(&firmware).await;
    let mut devices = Vec::new();
    for n in 0..DEVICES {
        devices.push(app.device("pk", &format!("d{n}"), "1").await);
    }
    let job = operator.job(&firmware, json!({ "loss_budget": 2, "growth": 500 })).await;
    for mut device in devices {
        tokio::spawn(async move { upgrade(&mut device).await });
    }
    let mut most = 0;
    let done = eventually("all are done", async || {
        let job = operator.show(&job).await;
        let [exposed, bound, succeeded] = ["exposed", "bound", "succeeded"].map(|name| number(&job, name));
        assert_eq!(bound, 2 + succeeded / 2);
        assert!(exposed <= bound, "{job}");
        most = most.max(exposed);
        (job["state"] == "done").then_some(job)
    });
    let done = done.await;
    assert_eq!((number(&done, "succeeded"), number(&done, "exposed")), (DEVICES, 0));
    assert!(most > 2, "it grew with its successes: {most}");
}

async fn upgrade(device: &mut Device) {
    let command = device.command().await;
    fetch(&command.file_url).await;
    assert_eq!(device.progress(80).await, 200);
    assert_eq!(device.inform(&command.version).await, 200);
}

fn number(job: &Value, name: &str) -> i64 {
    job[name].as_i64().unwrap()
}
