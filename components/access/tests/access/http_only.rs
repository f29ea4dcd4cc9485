//! A device without MQTT goes the whole way: it logs in, informs, reads the command from the headers, downloads in
//! its session, reports, and informs the new version.

use http::StatusCode;
use ota_platform::Response;
use ota_testbed::{Testbed, image, json};
use serde_json::{Value, json};

#[test]
fn a_device_without_mqtt_goes_the_whole_way_of_a_push() {
    let image = image(300_000);
    let bed = Testbed::with_fleet(1, &image);
    let job = bed.add_job("push", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");

    let told = device.inform("1");
    let command = told.command.clone().unwrap();
    assert_eq!(command["params"]["fileSize"], 300_000);

    let first = device.fetch(told.file_url()).header("range", "bytes=0-199999").body(Vec::new()).unwrap();
    let first = bed.download(&first).response;
    assert_eq!(first.status(), StatusCode::PARTIAL_CONTENT);
    let rest = device.fetch(told.file_url()).header("range", "bytes=200000-").body(Vec::new()).unwrap();
    let rest = bed.download(&rest).response;
    assert_eq!(rest.headers()["content-range"], "bytes 200000-299999/300000");
    assert_eq!([first.into_body(), rest.into_body()].concat(), image);

    assert_eq!(device.progress(100), 200);
    assert_eq!(device.answer(&command["id"], &json!(200)), StatusCode::NO_CONTENT);
    assert_eq!(device.inform("2").command, None);
    let job = bed.job(&job);
    assert_eq!((&job["state"], &job["succeeded"], &job["exposed"]), (&json!("done"), &json!(1), &json!(0)));
}

#[test]
fn a_device_that_asks_goes_from_getversion_to_inform_without_a_command() {
    let image = image(100_000);
    let bed = Testbed::with_fleet(1, &image);
    let job = bed.add_job("request", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");
    let told = device.getversion();
    assert_eq!((told.versions(), &told.command), (vec!["2"], &None));
    let request = device.fetch(told.offered_url()).body(Vec::new()).unwrap();
    assert_eq!(*bed.download(&request).response.body(), image);
    assert_eq!(device.progress(80), 200);
    device.inform("2");
    assert_eq!(bed.job(&job)["state"], "done");
    assert_eq!(bed.job(&job)["succeeded"], 1);
}

#[test]
fn each_login_gives_another_device_nothing() {
    let bed = Testbed::with_fleet(2, b"firmware");
    bed.add_job("push", json!({}));
    let (ours, theirs) =
        (bed.device("d0").logged_in("secret-of-d0"), bed.device("d1").logged_in("secret-of-d1"));
    let told = ours.inform("1");
    assert!(told.command.is_some());
    let request = theirs.fetch(told.file_url()).body(Vec::new()).unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::FORBIDDEN, "the link is another device's");
    let mut request = ours.request("inform", r#"{"params":{"version":"2"}}"#);
    let path = request.uri().to_string().replace("/d0/", "/d1/");
    *request.uri_mut() = path.parse().unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::FORBIDDEN, "the session is another device's");
}

#[test]
fn every_topic_answers_in_the_body_of_its_own_response() {
    let bed = Testbed::with_fleet(1, b"firmware");
    let device = bed.device("d0").logged_in("secret-of-d0");
    let message = |params: Value| json!({"id": 7, "version": "1.1", "params": params}).to_string();
    for (verb, params, expected) in [
        ("inform", json!({"version": 1.0}), json!({"id": 7, "code": 200, "data": {}})),
        ("getversion", json!({}), json!({"id": 7, "code": 200, "data": []})),
        (
            "progress",
            json!({"step": "20"}),
            json!({"id": 7, "code": 764, "message": "Device task not found", "data": {}}),
        ),
    ] {
        let response = device.publish(verb, message(params));
        assert_eq!((response.status(), json(&response)), (StatusCode::OK, expected), "{verb}");
        assert_eq!(response.headers()["content-type"], "application/json", "{verb}");
    }
    let reply = device.publish("upgrade_reply", r#"{"id":"7","code":200,"data":"","message":""}"#);
    assert_eq!((reply.status(), reply.body().len()), (StatusCode::NO_CONTENT, 0));
}

#[test]
fn a_command_that_waits_rides_in_the_headers_of_any_answer_until_the_device_shows_a_sign() {
    let bed = Testbed::with_fleet(1, b"firmware");
    bed.add_job("push", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");
    // The answer to this one is lost.
    let push_id = device.inform("1").push_id().clone();
    let inform = json!({"id": "1", "params": {"version": "1"}}).to_string();
    let stale = json!({"id": "1", "code": 200, "data": ""}).to_string();
    let answers = || {
        [
            ("login", login(&bed)),
            ("inform", device.publish("inform", inform.clone())),
            ("getversion", device.publish("getversion", r#"{"id":"1","params":{}}"#)),
            ("upgrade_reply", device.publish("upgrade_reply", stale.clone())),
        ]
    };
    for (what, response) in answers() {
        let headers = response.headers();
        assert_eq!(headers["topic"], "/sys/pk/d0/ota/device/upgrade", "{what}");
        let command: Value = serde_json::from_slice(headers["command-payload"].as_bytes()).unwrap();
        assert_eq!((&command["id"], &command["method"]), (&push_id, &json!("ota.device.upgrade")), "{what}");
    }
    assert_eq!(device.answer(&push_id, &json!(200)), StatusCode::NO_CONTENT);
    for (what, response) in answers() {
        assert!(!response.headers().contains_key("command-payload"), "{what}: it was received");
    }
}

#[test]
fn a_session_that_does_not_hold_opens_no_topic() {
    let bed = Testbed::with_fleet(2, b"firmware");
    let (ours, theirs) =
        (bed.device("d0").logged_in("secret-of-d0"), bed.device("d1").logged_in("secret-of-d1"));
    let messages = [
        ("inform", r#"{"params":{"version":"9"}}"#),
        ("getversion", r#"{"params":{}}"#),
        ("progress", r#"{"params":{"step":1}}"#),
        ("upgrade_reply", r#"{"id":"1","code":200}"#),
    ];
    let expect = |session: &str, status: StatusCode| {
        for (verb, message) in messages {
            let path = format!("/topic/sys/pk/d0/ota/device/{verb}{session}");
            let request = http::Request::post(path).body(message.as_bytes().to_vec()).unwrap();
            let response = bed.send(&request);
            assert_eq!(response.status(), status, "{verb} {session}");
            assert!(!response.headers().contains_key("command-payload"), "{verb} {session}");
        }
    };
    let before = bed.state();
    expect("", StatusCode::UNAUTHORIZED);
    expect("?sessionId=", StatusCode::UNAUTHORIZED);
    expect("?sessionId=guessed", StatusCode::UNAUTHORIZED);
    expect(&format!("?sessionid={}", ours.session()), StatusCode::UNAUTHORIZED);
    expect(&format!("?sessionId={}", theirs.session()), StatusCode::FORBIDDEN);
    // For 60 s, and for as long as a request may be on its way.
    bed.pass(120_000);
    expect(&format!("?sessionId={}", ours.session()), StatusCode::UNAUTHORIZED);
    assert_eq!(bed.state(), before, "nothing was heard");
    let again = bed.device("d0").logged_in("secret-of-d0");
    assert_eq!(again.inform("1").code(), 200, "it logs in again, and goes on");
}

#[test]
fn a_file_is_found_however_its_uri_is_spelled() {
    let bed = Testbed::with_fleet(1, b"firmware");
    bed.add_job("push", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");
    let url = device.inform("1").file_url().as_str().unwrap().to_owned();
    let path = url.strip_prefix("http://gateway.test").unwrap();
    for file_uri in [
        // As the vendor's SDK appends it.
        url.clone(),
        // As a form encodes it: all but what is unreserved.
        escaped(&url, |byte| !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte)),
        // As a path segment or a query is encoded by others.
        escaped(&url, |byte| b"?=&".contains(&byte)),
        escaped(&url, |_| true),
        escaped(&url, |_| true).to_lowercase(),
        path.to_owned(),
        format!("https://moved.example:8443{path}"),
        format!("{url}&x=1"),
    ] {
        for query in [
            format!("sessionId={}&fileUri={file_uri}&category=ota", device.session()),
            format!("category=ota&fileUri={file_uri}&sessionId={}", device.session()),
            format!("sessionId={}&fileUri={file_uri}", device.session()),
            format!("sessionId={}&fileUri={file_uri}&category=feature", device.session()),
        ] {
            let request = http::Request::get(format!("/multipart/sys/pk/d0/file/download?{query}"));
            let response = bed.download(&request.body(Vec::new()).unwrap()).response;
            assert_eq!(
                (response.status(), response.body().as_slice()),
                (StatusCode::OK, &b"firmware"[..]),
                "{query}"
            );
        }
    }
}

/// The raw answer to a login of `d0`.
fn login(bed: &Testbed) -> Response {
    let signed = "deviceKeyd0lifetime300000productKeypksignMethodsha256secret-of-d0";
    let body = json!({"signMethod": "sha256", "sign": ota_testbed::sha256(signed.as_bytes())});
    bed.send(&http::Request::post("/auth/pk/d0").body(body.to_string().into_bytes()).unwrap())
}

fn escaped(text: &str, is_escaped: impl Fn(u8) -> bool) -> String {
    let spell = |byte: u8| {
        if is_escaped(byte) { format!("%{byte:02X}") } else { char::from(byte).to_string() }
    };
    text.bytes().map(spell).collect()
}
