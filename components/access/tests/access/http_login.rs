//! `POST /auth/{product}/{device}`.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

/// PROTOCOL §4.1 with the device of §3.
const SIGN: &str = "a3ac38ccbf6e1217236b8eb06b5b0bd0954dffe959c6aa37236e0881f0e66d30";

#[test]
fn the_right_sign_gives_a_session_that_holds_its_lifetime_and_the_time_a_request_may_take() {
    let bed = registered();
    let body = json!({"signMethod": "sha256", "lifetime": 30000, "sign": SIGN, "clientInfo": {}});
    let (status, reply) = post(&bed, "/auth/fKInRgVP/dev001", body.to_string());
    assert_eq!((status, &reply["code"]), (StatusCode::OK, &json!(200)));
    let session = reply["data"]["sessionId"].as_str().unwrap();
    let inform = |bed: &Testbed| {
        let path = format!("/topic/sys/fKInRgVP/dev001/ota/device/inform?sessionId={session}");
        let request = http::Request::post(path).body(br#"{"params":{"version":"1"}}"#.to_vec()).unwrap();
        bed.send(&request).status()
    };
    assert_eq!(inform(&bed), StatusCode::OK);
    // The device counts its 30 s from when it has read the answer, and sends until they are over.
    bed.pass(30_000 + 59_999);
    assert_eq!(inform(&bed), StatusCode::OK);
    bed.pass(1);
    assert_eq!(inform(&bed), StatusCode::UNAUTHORIZED);
}

#[test]
fn whatever_is_wrong_there_is_no_session() {
    let bed = registered();
    let with = |field: &str, value: Value| {
        let mut body = json!({"signMethod": "sha256", "lifetime": 30000, "sign": SIGN});
        body[field] = value;
        body.to_string()
    };
    for (body, code) in [
        (with("sign", json!(format!("{}0", &SIGN[1..]))), 402),
        (with("sign", json!("")), 402),
        (with("sign", json!("not hex")), 402),
        (with("lifetime", json!(30001)), 402),
        (with("lifetime", json!("30000.0")), 402),
        (with("sign", json!(null)), 1220),
        (with("sign", json!(5)), 1220),
        (with("signMethod", json!("SHA256")), 1220),
        (with("signMethod", json!("md5")), 1220),
        (with("signMethod", json!(null)), 1220),
        (with("lifetime", json!(0)), 1220),
        (with("lifetime", json!(-1)), 1220),
        (with("lifetime", json!("soon")), 1220),
        (with("lifetime", json!([])), 1220),
        (with("lifetime", json!(1.5)), 1220),
        (with("lifetime", json!(2_147_483_648_i64)), 1220),
        (with("sign", json!("a3".repeat(100_000))), 402),
        (with("sign", json!(&SIGN[..62])), 402),
        (with("signMethod", json!("hmacsha256")), 1220),
        (with("signMethod", json!("x".repeat(100_000))), 1220),
        (json!({"lifetime": 30000, "sign": SIGN}).to_string(), 1220),
        (json!({"signMethod": "sha256", "lifetime": 30000}).to_string(), 1220),
        // Without its lifetime it means another one than was signed.
        (json!({"signMethod": "sha256", "sign": SIGN}).to_string(), 402),
        ("{".to_owned(), 1220),
        ("[]".to_owned(), 1220),
        (format!(r#"{{"signMethod":"sha256","sign":"{SIGN}","sign":"{SIGN}"}}"#), 1220),
        (String::new(), 1251),
        (" ".repeat(512 * 1024 + 1), 1008),
    ] {
        let (status, reply) = post(&bed, "/auth/fKInRgVP/dev001", body.clone());
        assert_eq!((status, &reply["code"]), (StatusCode::OK, &json!(code)), "{body:.80}: {reply}");
        assert!(reply["data"]["sessionId"].is_null());
    }
    let right = with("lifetime", json!(30000));
    for path in ["/auth/fKInRgVP/dev002", "/auth/other/dev001", "/auth/fKInRgVP/stranger"] {
        let (_, reply) = post(&bed, path, right.clone());
        assert_eq!(reply["code"], 402, "{path}");
        assert_eq!(reply["message"], "the device is not registered, or its sign is wrong");
    }
}

#[test]
fn a_login_is_answered_as_the_vendors_sdk_reads_it() {
    let bed = registered();
    let body = json!({"signMethod": "sha256", "lifetime": 30000, "sign": SIGN}).to_string();
    let response = bed.send(&http::Request::post("/auth/fKInRgVP/dev001").body(body.into_bytes()).unwrap());
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(!response.headers().contains_key("command-payload"), "there is nothing to tell");
    let reply = json(&response);
    assert_eq!((&reply["code"], &reply["message"]), (&json!(200), &json!("success")));
    let session = reply["data"]["sessionId"].as_str().unwrap();
    // It stands in a query as it is.
    assert!(session.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)), "{session}");
}

#[test]
fn what_a_client_says_of_itself_and_which_commands_it_lists_changes_nothing() {
    for (name, value) in [
        ("clientInfo", json!({"ip": "10.0.0.1", "version": "0.2"})),
        ("clientInfo", json!("x".repeat(100_000))),
        ("clientInfo", json!(null)),
        // As the vendor's own sample has it, which then waits for a command.
        ("acceptCommandTypes", json!([])),
        ("acceptCommandTypes", json!(["CMD_OTA_UPGRADE"])),
        ("acceptCommandTypes", json!(["CMD_OTHER"])),
        ("acceptCommandTypes", json!(7)),
    ] {
        let bed = registered();
        let mut body = json!({"signMethod": "sha256", "lifetime": 30000, "sign": SIGN});
        body[name] = value;
        assert_eq!(post(&bed, "/auth/fKInRgVP/dev001", body.to_string()).1["code"], 200, "{name}");
    }
}

#[test]
fn a_path_that_names_no_device_is_refused() {
    let bed = registered();
    for path in [
        "/auth/fKInRgVP/..",
        "/auth/fKInRgVP/%2e%2e",
        "/auth/fKInRgVP/dev%00",
        "/auth/fKInRgVP/dev%2F001",
        "/auth/fKInRgVP/dev%ff",
        "/auth/fKInRgVP/'--",
        "/auth/fKInRgVP/dev001/x",
        "/auth/fKInRgVP",
        "/auth/",
    ] {
        let request = http::Request::post(path).body(b"{}".to_vec()).unwrap();
        let status = bed.send_to(ota_testbed::Component::Access, &request).status();
        assert!([StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND].contains(&status), "{path}: {status}");
    }
}

#[test]
fn a_key_may_be_percent_encoded_as_clients_do_it() {
    let bed = registered();
    let device = json!({"device": "00:1b@x", "secret": "DrihKncQARUwVXUvRH6k"}).to_string();
    bed.operate(Method::POST, "/api/v1/products/fKInRgVP/devices", device);
    let signed = "deviceKey00:1b@xlifetime300000productKeyfKInRgVPsignMethodsha256DrihKncQARUwVXUvRH6k";
    let sign = ota_testbed::sha256(signed.as_bytes());
    for path in ["/auth/fKInRgVP/00:1b@x", "/auth/fKInRgVP/00%3A1b%40x"] {
        let (_, reply) = post(&bed, path, json!({"signMethod": "sha256", "sign": sign}).to_string());
        assert_eq!(reply["code"], 200, "{path}: {reply}");
    }
}

#[test]
fn only_post_logs_in() {
    let bed = registered();
    let request = http::Request::get("/auth/fKInRgVP/dev001").body(Vec::new()).unwrap();
    assert_eq!(bed.send(&request).status(), StatusCode::METHOD_NOT_ALLOWED);
}

fn registered() -> Testbed {
    let bed = Testbed::new();
    for (path, body) in [
        ("/api/v1/products", json!({"product": "fKInRgVP"})),
        ("/api/v1/products/fKInRgVP/devices", json!({"device": "dev001", "secret": "DrihKncQARUwVXUvRH6k"})),
        ("/api/v1/products/fKInRgVP/devices", json!({"device": "dev002", "secret": "another"})),
    ] {
        assert_eq!(bed.operate(Method::POST, path, body.to_string()).status(), StatusCode::CREATED);
    }
    bed
}

fn post(bed: &Testbed, path: &str, body: String) -> (StatusCode, Value) {
    let response = bed.send(&http::Request::post(path).body(body.into_bytes()).unwrap());
    (response.status(), json(&response))
}
