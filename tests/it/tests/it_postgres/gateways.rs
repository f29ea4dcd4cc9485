//! Several gateways on one ledger: what one decides the other knows, and no budget is spent twice.

use std::time::Duration;

use futures::future::join_all;
use ota_it::{Firmware, TestApp, fetch};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_goes_on_at_another_gateway() {
    let one = TestApp::start().await;
    let firmware = Firmware::new("2", 70_000);
    let operator = one.product(&firmware).await;
    let identity = operator.device("pk", "dk").await;
    let mut device = one.connect(&identity, "1").await;
    let job = operator.job(&firmware, json!({})).await;
    let command = device.command().await;

    let other = one.beside().await;
    let path = command.file_url.strip_prefix(one.http.url()).unwrap();
    let received = fetch(&format!("{}{path}", other.http.url())).await;
    assert_eq!(received.bytes, firmware.bytes);
    let mut device = other.connect(&identity, "1").await;
    assert_eq!(device.progress(50).await, 200);
    assert_eq!(device.inform("2").await, 200);
    assert_eq!(operator.until_done(&job).await["succeeded"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_at_once_spend_one_loss_budget() {
    const BUDGET: usize = 3;
    const DEVICES: usize = 24;
    const TOLD_WITHIN: Duration = Duration::from_secs(5);
    let one = TestApp::start().await;
    let other = one.beside().await;
    let firmware = Firmware::new("2", 10_000);
    let operator = one.product(&firmware).await;
    let identities = join_all((0..DEVICES).map(|n| {
        let operator = &operator;
        async move { operator.device("pk", &format!("d{n}")).await }
    }));
    let identities = identities.await;
    let job = operator.job(&firmware, json!({ "loss_budget": BUDGET, "growth": 0 })).await;

    let arrivals = identities.iter().enumerate().map(|(n, identity)| {
        let app = if n % 2 == 0 { &one } else { &other };
        app.connect(identity, "1")
    });
    let mut devices = join_all(arrivals).await;
    // Both gateways sweep ten times a second.
    let told = devices.iter_mut().map(|device| async {
        let command = timeout(TOLD_WITHIN, device.command()).await.ok()?;
        // It takes everything, and is never heard again.
        Some(fetch(&command.file_url).await.status.as_u16())
    });
    let told: Vec<u16> = join_all(told).await.into_iter().flatten().collect();
    assert_eq!(told, [200; BUDGET]);
    let seen = operator.show(&job).await;
    assert_eq!((&seen["exposed"], &seen["begun"]), (&json!(BUDGET), &json!(BUDGET)), "{seen}");
}
