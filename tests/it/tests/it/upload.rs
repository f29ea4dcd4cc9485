//! Uploads through the host: streamed, checked, and nothing left behind by one that fails.

use std::time::Duration;

use http::Method;
use ota_it::{Firmware, Secrets, TestApp, eventually, fetch};
use rusqlite::Connection;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What the embedded store takes, DESIGN §4.
const LARGEST: usize = 64 * 1024 * 1024;

/// Keys of firmware in the host's own file.
fn stored(app: &TestApp) -> i64 {
    let store = Connection::open(app.state_dir().join("sqlite_key_value.db")).unwrap();
    store.busy_timeout(Duration::from_secs(5)).unwrap();
    let count = "SELECT COUNT(*) FROM spin_key_value WHERE key LIKE 'image:%'";
    store.query_row(count, (), |row| row.get(0)).unwrap()
}

async fn put(app: &TestApp, path: &str, bytes: Vec<u8>) -> u16 {
    let mut request = app.http.request(Method::PUT, path, bytes);
    let token = format!("Bearer {}", Secrets::OPERATOR_TOKEN);
    request.headers_mut().insert("authorization", token.parse().unwrap());
    app.http.call(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_firmware_passes_through_a_guest_of_128_mib_and_comes_back_whole() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("large", LARGEST);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    operator.job(&firmware, json!({})).await;
    let command = device.command().await;
    assert_eq!(command.file_size, LARGEST as u64);
    assert!(fetch(&command.file_url).await.bytes == firmware.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firmware_never_changes_and_the_same_bytes_again_are_no_error() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 300_000);
    app.product(&firmware).await;
    let kept = stored(&app);
    let path = "/api/v1/products/pk/firmware/2";
    assert_eq!(put(&app, path, firmware.bytes.clone()).await, 200);
    assert_eq!(put(&app, path, vec![0; 300_000]).await, 409);
    let other = format!("/api/v1/products/pk/firmware/3?md5={}", "0".repeat(32));
    assert_eq!(put(&app, &other, vec![0; 300_000]).await, 422);
    assert_eq!(put(&app, "/api/v1/products/pk/firmware/3?md5=00", vec![0; 300_000]).await, 400);
    assert_eq!(put(&app, "/api/v1/products/pk/firmware/3", Vec::new()).await, 400);
    assert_eq!(stored(&app), kept, "nothing is left of what was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let app = TestApp::start().await;
    app.operator().product("pk").await;
    let mut connection = TcpStream::connect(app.http.url().strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "PUT /api/v1/products/pk/firmware/2 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 20000000\r\n\r\n",
        Secrets::OPERATOR_TOKEN
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&vec![7; 10_000_000]).await.unwrap();
    eventually("pieces are stored", async || (stored(&app) > 2).then_some(())).await;
    drop(connection);
    eventually("they are deleted", async || (stored(&app) == 0).then_some(())).await;
    let firmware = app.operator().get("/api/v1/products/pk/firmware").await;
    assert_eq!(firmware["firmware"], json!([]));
}
