//! Request jobs: the device asks, picks from the list, and takes its slot when it begins.

use ota_it::{Firmware, TestApp, fetch};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_asks_is_offered_the_firmware_and_succeeds() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 300_000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    assert_eq!(device.getversion().await, []);
    let job = operator.job(&firmware, json!({ "mode": "request" })).await;

    let offers = device.getversion().await;
    let [offer] = &offers[..] else { panic!("one offer expected: {offers:?}") };
    assert_eq!((offer.version.as_str(), &offer.sign), ("2", &firmware.sign()));
    assert_eq!(operator.show(&job).await["exposed"], 0, "an offer puts no device at risk");
    let received = fetch(&offer.file_url).await;
    assert!(received.bytes == firmware.bytes);
    assert_eq!(operator.show(&job).await["exposed"], 1, "a download does");
    assert_eq!(device.progress(100).await, 200);
    assert_eq!(device.inform("2").await, 200);
    let done = operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["exposed"]), (&json!(1), &json!(0)));
    assert_eq!(device.getversion().await, []);
    assert_eq!(device.rest(), [], "a request job pushes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_alone_takes_the_slot_of_an_offer() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 1000);
    let operator = app.product(&firmware).await;
    let mut first = app.device("pk", "first", "1").await;
    let mut second = app.device("pk", "second", "1").await;
    assert_eq!(first.progress(10).await, 764, "no task");
    let terms = json!({ "mode": "request", "loss_budget": 1, "growth": 0 });
    let job = operator.job(&firmware, terms).await;
    assert_eq!(first.progress(10).await, 765, "a task that was not offered");
    let (one, other) = (first.getversion().await, second.getversion().await);
    assert_eq!((one.len(), other.len()), (1, 1));
    assert_eq!(first.progress(10).await, 200);
    assert_eq!(second.progress(10).await, 765, "the budget is spent");
    let refused = fetch(&other[0].file_url).await;
    assert_eq!(refused.status, 503);
    assert_eq!(first.inform("2").await, 200);
    assert_eq!(second.progress(10).await, 200, "the first is back, its slot is free");
    assert_eq!(operator.show(&job).await["exposed"], 1);
}
