//! A device without MQTT, through the real host over HTTP only (PROTOCOL §4): from its login to the version that it
//! informs in the end.

use http::StatusCode;
use ota_it::{Firmware, HttpDevice, SignMethod, TestApp};
use serde_json::json;

/// Three pieces and a bit.
const SIZE: usize = 800_003;
const LIFETIME: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_mqtt_goes_the_whole_way_of_a_push() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("版本 2", SIZE).signed(SignMethod::Sha256);
    let operator = app.product(&firmware).await;
    let identity = operator.device("pk", "http").await;
    let (device, heard) = HttpDevice::login(&app.http, &identity, LIFETIME).await;
    assert_eq!((heard.command, device.inform("1").await.command), (None, None), "there is nothing yet");
    let job = operator.job(&firmware, json!({})).await;

    let command = device.inform("1").await.command.unwrap();
    assert_eq!((command.version.as_str(), &command.sign), ("版本 2", &firmware.sign()));
    assert_eq!((command.sign_method.as_str(), command.file_size), ("sha256", SIZE as u64));
    // Whatever answer the device reads first tells it, also that to its next login.
    let (device, heard) = HttpDevice::login(&app.http, &identity, LIFETIME).await;
    assert_eq!(heard.command.as_ref(), Some(&command));
    let asked = device.say("getversion", json!({})).await;
    assert_eq!((&asked.reply["data"], asked.command.as_ref()), (&json!([]), Some(&command)));
    let reply = json!({ "id": command.id, "code": 200, "data": "", "message": "" });
    assert_eq!(device.publish("upgrade_reply", &reply).await.command, None, "it was received");
    assert_eq!(device.inform("1").await.command, None);

    let first = device.download(&command.file_url, Some("bytes=0-399999")).await;
    assert_eq!(first.status, StatusCode::PARTIAL_CONTENT);
    let part = ["content-length", "content-range", "accept-ranges"].map(|name| &first.headers[name]);
    assert_eq!(part, ["400000", &format!("bytes 0-399999/{SIZE}"), "bytes"]);
    assert_eq!(operator.task(&job, "http").await["state"], "downloading");
    let rest = device.download(&command.file_url, Some("bytes=400000-")).await;
    assert!([first.body, rest.body].concat() == firmware.bytes);
    let whole = device.download(&command.file_url, None).await;
    assert!(whole.status == StatusCode::OK && whole.body == firmware.bytes);
    assert_eq!(whole.headers["content-length"], SIZE.to_string());

    assert_eq!(device.progress(20).await, 200);
    assert_eq!(device.progress(80).await, 200);
    let (restarted, _) = HttpDevice::login(&app.http, &identity, LIFETIME).await;
    assert_eq!(restarted.inform("版本 2").await.code(), 200);
    let done = operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["begun"], &done["exposed"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(restarted.download(&command.file_url, None).await.status, StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_mqtt_that_asks_goes_from_getversion_to_inform() {
    let app = TestApp::start().await;
    let firmware = Firmware::new("2", SIZE);
    let operator = app.product(&firmware).await;
    let identity = operator.device("pk", "http").await;
    let (device, _) = HttpDevice::login(&app.http, &identity, LIFETIME).await;
    device.inform("1").await;
    assert_eq!(device.progress(10).await, 764);
    let job = operator.job(&firmware, json!({ "mode": "request" })).await;
    assert_eq!(device.progress(10).await, 765);
    let asked = device.say("getversion", json!({})).await;
    assert_eq!((asked.code(), asked.command), (200, None));
    let offer = &asked.reply["data"][0];
    assert_eq!((&offer["version"], &offer["sign"]), (&json!("2"), &json!(firmware.sign())));
    let whole = device.download(offer["fileUrl"].as_str().unwrap(), None).await;
    assert!(whole.body == firmware.bytes);
    assert_eq!(device.progress(80).await, 200);
    assert_eq!(device.inform("2").await.code(), 200);
    assert_eq!(operator.until_done(&job).await["succeeded"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_nothing_of_another_device_and_none_opens_nothing() {
    let app = TestApp::start().await;
    let operator = app.operator();
    operator.product("pk").await;
    let (ours, theirs) = (operator.device("pk", "ours").await, operator.device("pk", "theirs").await);
    let (ours, _) = HttpDevice::login(&app.http, &ours, LIFETIME).await;
    let (theirs, _) = HttpDevice::login(&app.http, &theirs, LIFETIME).await;
    for verb in ["inform", "getversion", "progress", "upgrade_reply"] {
        let topic = ours.topic(verb);
        let (bare, _) = topic.split_once('?').unwrap();
        let foreign = topic.replace(ours.session(), theirs.session());
        for (path, status) in [
            (bare.to_owned(), StatusCode::UNAUTHORIZED),
            (format!("{bare}?sessionId="), StatusCode::UNAUTHORIZED),
            (format!("{topic}A"), StatusCode::UNAUTHORIZED),
            (foreign, StatusCode::FORBIDDEN),
        ] {
            let body = r#"{"id":"1","code":200,"params":{"version":"9","step":1}}"#;
            assert_eq!(app.http.post(&path, body).await.status, status, "{path}");
        }
    }
    assert!(operator.get("/api/v1/products/pk/devices/ours").await["version"].is_null());
    app.alter_ledger("UPDATE ledger SET epoch = epoch + 1");
    let inform = r#"{"id":"1","params":{"version":"9"}}"#;
    assert_eq!(app.http.post(&ours.topic("inform"), inform).await.status, StatusCode::UNAUTHORIZED);
}
