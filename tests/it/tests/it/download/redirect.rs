//! Where the gateway sends a device to the bucket: the same slot, the same bytes, and a way that is soon closed.

use http::{Method, StatusCode};
use ota_it::{Firmware, HttpDevice, Place, ask, fetch_resuming};
use serde_json::json;

use super::{Told, header};

const SIZE: usize = 300_000;
/// The longest that a signed way may be open, in seconds (DESIGN §6).
const LONGEST: u32 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_get_is_sent_to_the_buckets_public_host_for_five_minutes_at_most() {
    let told = Told::at(Place::Redirect, SIZE).await;
    let path = told.url.strip_prefix(told.depot.app.http.url()).unwrap();
    let answer = told.depot.app.http.get(path).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(header(&answer.headers, "cache-control").contains("no-store"));
    assert_eq!(header(&answer.headers, "content-length"), answer.body.len().to_string());
    let location = header(&answer.headers, "location");
    let public_url = told.depot.bucket.as_ref().unwrap().public_url();
    assert!(location.starts_with(&format!("{public_url}/")), "{location}");
    let (_, expires) = location.split_once("X-Amz-Expires=").unwrap();
    let expires: u32 = expires.split('&').next().unwrap().parse().unwrap();
    assert!((1..=LONGEST).contains(&expires), "{expires} s");
    assert!(!location.contains("secret"), "{location}");
    assert_eq!(told.begun().await, 1, "from here on nobody sees what it does");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_redirect_are_the_bytes_and_each_range_of_them() {
    let told = Told::at(Place::Redirect, SIZE).await;
    let whole = told.get(&[]).await;
    assert!(whole.status == StatusCode::OK && whole.body == told.firmware.bytes);
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=65535-65536", 65_535, 65_536),
        ("bytes=100000-", 100_000, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        ("bytes=1-999999999", 1, SIZE - 1),
    ] {
        let part = told.get(&[("range", range)]).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part.headers, "content-range"), format!("bytes {from}-{to}/{SIZE}"), "{range}");
        assert!(part.body == told.firmware.bytes[from..=to], "{range}");
    }
    let none = told.get(&[("range", "bytes=300000-")]).await;
    assert_eq!(none.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert!(fetch_resuming(&told.url, SIZE, 70_000).await == told.firmware.bytes);
    assert_eq!(told.begun().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resumes_by_our_tag_gets_the_range_from_us() {
    let told = Told::at(Place::Redirect, SIZE).await;
    let tag = header(&told.head(&[]).await.headers, "etag").to_owned();
    let path = told.url.strip_prefix(told.depot.app.http.url()).unwrap();
    let http = &told.depot.app.http;
    let mut request = http.request(Method::GET, path, "");
    request.headers_mut().insert("range", "bytes=100000-".parse().unwrap());
    request.headers_mut().insert("if-range", tag.parse().unwrap());
    let answer = http.call(request).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "the bucket's own tag is another");
    assert!(answer.body == told.firmware.bytes[100_000..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_the_length_and_begins_nothing() {
    let told = Told::at(Place::Redirect, SIZE).await;
    let head = told.head(&[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(header(&head.headers, "content-length"), SIZE.to_string());
    assert_eq!(told.begun().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_its_session_is_sent_to_the_same_bytes() {
    let depot = Place::Redirect.start().await;
    let firmware = Firmware::new("2", SIZE);
    let operator = depot.app.product(&firmware).await;
    let identity = operator.device("pk", "http").await;
    let (device, _) = HttpDevice::login(&depot.app.http, &identity, 60_000).await;
    device.inform("1").await;
    let job = operator.job(&firmware, json!({})).await;
    let command = device.inform("1").await.command.unwrap();
    let sent = device.download(&command.file_url, None).await;
    assert_eq!(sent.status, StatusCode::FOUND);
    let came = ask(Method::GET, header(&sent.headers, "location"), &[]).await;
    assert!(came.status == StatusCode::OK && came.body == firmware.bytes);
    assert_eq!(operator.show(&job).await["begun"], 1);
}
