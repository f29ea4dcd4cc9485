//! Downloads served by a process of their own, beside the rest of the gateway on one folder.

use http::Method;
use ota_it::{Device, Firmware, HttpClient, Up, fetch};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_goes_through_two_processes_of_which_one_serves_downloads_alone() {
    let up = Up::new();
    let (running, downloads) = up.start_divided().await;
    let firmware = Firmware::new("2", 900_000);
    running.operator.prepare(&firmware).await;
    let identity = running.operator.device("pk", "dk").await;
    let mut device = Device::connect(up.mqtt(), &identity).await;
    assert_eq!(device.inform("1").await, 200);
    let job = running.operator.job(&firmware, json!({})).await;

    let url = device.command().await.file_url;
    assert!(url.starts_with(&downloads), "{url}");
    let here = url.replace(&downloads, up.url().as_str());
    assert_eq!(fetch(&here).await.status, 404, "the rest of the gateway serves no downloads");
    let client = HttpClient::new(downloads);
    let there = client.call(client.request(Method::GET, "/api/v1/products", "")).await;
    assert_eq!(there.status, 404, "downloads are all that the other process serves");
    assert!(fetch(&url).await.bytes == firmware.bytes);

    assert_eq!(device.inform("2").await, 200);
    assert_eq!(running.operator.until_done(&job).await["succeeded"], 1);
}
