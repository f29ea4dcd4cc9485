//! `/api/v1/products/{product}/devices`.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{IMAGE, assert_refused, assert_takes_no_nonsense, post};

const DEVICES: &str = "/api/v1/products/pk/devices";

#[test]
fn a_secret_is_made_where_none_is_given_and_shown_only_then() {
    let bed = Testbed::new();
    bed.add_product();
    let response = post(&bed, DEVICES, &json!({"device": "d0"}));
    assert_eq!(response.status(), StatusCode::CREATED);
    let created = json(&response);
    assert_eq!((&created["product"], &created["device"]), (&json!("pk"), &json!("d0")));
    let secret = created["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for path in [DEVICES, "/api/v1/products/pk/devices/d0", "/api/v1/events", "/metrics"] {
        let shown = bed.operate(Method::GET, path, "");
        assert!(!String::from_utf8_lossy(shown.body()).contains(secret), "{path}");
    }
    let stored = bed.sql.look("SELECT secret FROM device")[0].text(0).unwrap();
    assert!(!stored.contains(secret), "it is encrypted at rest");
    assert!(!bed.device("d0").logged_in(secret).session().is_empty());
}

#[test]
fn a_device_is_registered_once() {
    let bed = Testbed::new();
    bed.add_product();
    bed.add_device("d0");
    let again = post(&bed, DEVICES, &json!({"device": "d0", "secret": "another"}));
    assert_refused(&again, StatusCode::CONFLICT, "device_exists", "device pk/d0 is registered already");
    assert!(!bed.device("d0").logged_in("secret-of-d0").session().is_empty(), "its secret stays");
    let nowhere = post(&bed, "/api/v1/products/other/devices", &json!({"device": "d0"}));
    assert_refused(&nowhere, StatusCode::NOT_FOUND, "not_found", "product other is not registered");
}

#[test]
fn what_a_device_cannot_be_called_or_keep_secret_is_refused_and_named() {
    let bed = Testbed::new();
    bed.add_product();
    assert_takes_no_nonsense(&bed, DEVICES);
    let (long, secret) = ("d".repeat(65), "s".repeat(129));
    for (body, says) in [
        (json!({"device": ""}), "device \"\": device key has 0 characters, 1 to 64 are allowed"),
        (json!({"device": long}), "device key has 65 characters, 1 to 64 are allowed"),
        (json!({"device": ".."}), "may be neither . nor .."),
        (json!({"device": "a/b"}), "contains '/'"),
        (json!({"device": "%channel%"}), "contains '%'"),
        (json!({"device": "d\u{0}"}), "contains '\\0'"),
        (json!({"device": "d", "secret": ""}), "secret has 0 bytes, must have 1 to 128"),
        (json!({"device": "d", "secret": secret}), "secret has 129 bytes, must have 1 to 128"),
        (json!({"device": "d", "secret": "a b"}), "not printable ASCII"),
        (json!({"device": "d", "secret": "a\u{0}"}), "not printable ASCII"),
        (json!({"device": "d", "secret": "é"}), "not printable ASCII"),
        (json!({"device": "d", "secret": 5}), "expected a string"),
        (json!({"secret": "s"}), "missing field `device`"),
        (json!({"device": "d", "key": "x"}), "unknown field `key`, expected `device` or `secret`"),
        (json!({"device": ["d"]}), "expected a string"),
    ] {
        let response = post(&bed, DEVICES, &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert_eq!(bed.show(DEVICES), json!({"devices": [], "next": null}));
}

#[test]
fn a_device_is_shown_with_what_it_runs_and_its_tasks() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let shown = bed.show("/api/v1/products/pk/devices/d0");
    for (field, value) in [
        ("product", json!("pk")),
        ("device", json!("d0")),
        ("version", json!("1")),
        ("connected", json!(false)),
        ("heard_at", json!(ota_testbed::START)),
        ("generation", json!(1)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(shown["tasks"][0]["job"], job);
    assert_eq!(shown["tasks"][0]["state"], "waiting");
    for path in ["/api/v1/products/pk/devices/d1", "/api/v1/products/other/devices/d0"] {
        assert_refused(
            &bed.operate(Method::GET, path, ""),
            StatusCode::NOT_FOUND,
            "not_found",
            "is not registered",
        );
    }
}

#[test]
fn keys_in_paths_are_decoded_once_and_checked() {
    let bed = Testbed::new();
    bed.add_product();
    bed.add_device("00:1b@x");
    for (key, status) in [
        ("00:1b@x", StatusCode::OK),
        ("00%3a1b%40x", StatusCode::OK),
        ("00%253a1b%40x", StatusCode::BAD_REQUEST),
        ("%2e%2e", StatusCode::BAD_REQUEST),
        ("a%2Fb", StatusCode::BAD_REQUEST),
        ("a%00", StatusCode::BAD_REQUEST),
        ("a%ff", StatusCode::NOT_FOUND),
        ("a%", StatusCode::NOT_FOUND),
        ("'%20OR%201=1", StatusCode::BAD_REQUEST),
    ] {
        for path in [format!("{DEVICES}/{key}"), format!("/api/v1/products/{key}/devices")] {
            let answered = bed.operate(Method::GET, &path, "").status();
            let expected =
                if status == StatusCode::OK && !path.contains("pk") { StatusCode::NOT_FOUND } else { status };
            assert_eq!(answered, expected, "{path}");
        }
    }
}
