//! The loss budget: what an update that bricks every device costs.

use ota_it::{Firmware, TestApp, eventually, fetch};
use serde_json::json;

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
