//! Whatever comes in: an answer that is no server error, no trap, and a gateway that goes on serving.

mod body;
mod request;

use http::{Method, StatusCode};
use ota_it::{Firmware, HttpClient, TestApp, traps};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use tokio::runtime::Runtime;

use request::{Hostile, Keys};

/// Requests at one component.
const CASES: u32 = 300;

/// Throws requests at the routes of one component; `*` stands for any segment.
fn assault(routes: &'static [&'static str]) {
    let runtime = Runtime::new().unwrap();
    let (app, keys) = runtime.block_on(prepare());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let thrown = TestRunner::new(config)
        .run(&request::at(routes, &keys), |hostile| runtime.block_on(throw(&app, &hostile)));
    thrown.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(traps(), [] as [String; 0]);
    runtime.block_on(async {
        let mut device = app.device("pk", "after", "1").await;
        assert_eq!(device.progress(1).await, 764);
    });
}

/// A gateway with something to lose, and what opens its doors.
async fn prepare() -> (TestApp, Keys) {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", 300_000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;
    let job = operator.job(&firmware, json!({ "mode": "request" })).await;
    let offer = device.getversion().await.remove(0);
    let (_, link) = offer.file_url.split_once("?t=").unwrap();
    (app, Keys { link: link.to_owned(), job })
}

async fn throw(app: &TestApp, hostile: &Hostile) -> Result<(), TestCaseError> {
    // A connection of its own: one on which a body was left unread is closed.
    let http = HttpClient::new(app.http.url().to_owned());
    let mut request = http.request(hostile.method.clone(), &hostile.target, hostile.body.clone());
    request.headers_mut().extend(hostile.headers.clone());
    let answer = http.call(request).await;
    let is_no_slot = answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.text().contains("no_slot");
    if answer.status.is_server_error() && !is_no_slot {
        return Err(TestCaseError::fail(format!("{}: {}", answer.status, answer.text())));
    }
    // Without a length the host sends chunks, and connections that are kept stall.
    let has_body = hostile.method != Method::HEAD
        && !matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_body && !answer.headers.contains_key("content-length") {
        return Err(TestCaseError::fail(format!("{} without a length", answer.status)));
    }
    Ok(())
}

#[test]
fn inform_answers_anything() {
    assault(&[
        "/topic/sys/*/*/ota/device/inform",
        "/webhook/rmqtt/inform",
        "/webhook/nanomq/inform",
        "/webhook/cloudevents/inform",
    ]);
}

#[test]
fn progress_answers_anything() {
    assault(&[
        "/topic/sys/*/*/ota/device/progress",
        "/webhook/rmqtt/progress",
        "/webhook/nanomq/progress",
        "/webhook/cloudevents/progress",
    ]);
}

#[test]
fn getversion_answers_anything() {
    assault(&[
        "/topic/sys/*/*/ota/device/getversion",
        "/webhook/rmqtt/getversion",
        "/webhook/nanomq/getversion",
        "/webhook/cloudevents/getversion",
    ]);
}

#[test]
fn upgrade_answers_anything() {
    assault(&[
        "/topic/sys/*/*/ota/device/upgrade_reply",
        "/webhook/rmqtt/upgrade_reply",
        "/webhook/nanomq/upgrade_reply",
        "/webhook/cloudevents/upgrade_reply",
        "/internal/sweep",
    ]);
}

#[test]
fn access_answers_anything() {
    assault(&["/mqtt/auth", "/mqtt/acl", "/mqtt/presence", "/auth/*/*"]);
}

#[test]
fn firmware_answers_anything() {
    assault(&["/fleet/ota/*", "/*/ota/*", "/multipart/sys/*/*/file/download"]);
}

#[test]
fn operator_answers_anything() {
    assault(&[
        "/api/v1/*",
        "/api/v1/*/*",
        "/api/v1/products",
        "/api/v1/products/*/devices",
        "/api/v1/products/*/devices/*",
        "/api/v1/products/*/firmware",
        "/api/v1/products/*/firmware/*",
        "/api/v1/jobs",
        "/api/v1/jobs/*",
        "/api/v1/jobs/*/stop",
        "/api/v1/jobs/*/tasks",
        "/api/v1/events",
        "/api/v1/hooks",
        "/api/v1/hooks/*",
        "/api/v1/hooks/*/test",
        "/metrics",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_message_over_mqtt_gets_its_code_and_the_next_one_is_served() {
    let app = TestApp::start().await;
    app.operator().product("pk").await;
    let mut device = app.device("pk", "dk", "1").await;
    let too_large = vec![b' '; 512 * 1024 + 1];
    for (payload, code) in [
        (&b""[..], 1251),
        (&b"not JSON"[..], 1220),
        (&b"\xff\xfe"[..], 1220),
        (&br#"{"id":"1","params":{"version":"a\u0000b"}}"#[..], 1220),
        (&br#"{"id":"1","params":{"version":{}}}"#[..], 1220),
        (&too_large, 1008),
    ] {
        device.publish_to(&device.topic("inform"), payload).await;
        let reply = device.next().await;
        assert_eq!((&reply.topic, &reply.json["code"]), (&device.topic("inform_reply"), &json!(code)));
    }
    assert_eq!(device.inform("2").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_device_cannot_speak_for_another() {
    let app = TestApp::start().await;
    let operator = app.operator();
    operator.product("pk").await;
    app.device("pk", "other", "1").await;
    let mut mine = app.device("pk", "mine", "1").await;
    mine.publish_to("/sys/pk/other/ota/device/inform", br#"{"id":"1","params":{"version":"9"}}"#).await;
    mine.until_disconnected().await;
    let other = operator.get("/api/v1/products/pk/devices/other").await;
    assert_eq!(other["version"], "1");
    // Nor over HTTP without a session of its own.
    let path = "/topic/sys/pk/other/ota/device/inform";
    let request = app.http.request(Method::POST, path, r#"{"params":{"version":"9"}}"#);
    assert_eq!(app.http.call(request).await.status, StatusCode::UNAUTHORIZED);
}
