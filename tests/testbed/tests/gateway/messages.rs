//! What every device topic does with a message that is none, and with a path that names no device.

use http::StatusCode;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, UPLINKS, message};

/// The largest payload (PROTOCOL §2.13).
const LARGEST: usize = 512 * 1024;

#[test]
fn a_payload_that_is_no_message_gets_its_code_and_changes_nothing() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    let before = bed.state();
    let deep = "[".repeat(LARGEST);
    let deep_object = r#"{"params":"#.repeat(LARGEST / 10);
    let payloads: Vec<(&[u8], i64)> = vec![
        (b"", 1251),
        (b" \t\r\n", 1251),
        (b"\0", 1220),
        (b"{", 1220),
        (b"}", 1220),
        (b"{}{}", 1220),
        (b"{} x", 1220),
        (b"null", 1220),
        (b"true", 1220),
        (b"7", 1220),
        (b"\"inform\"", 1220),
        (b"[]", 1220),
        (b"[{}]", 1220),
        (b"\xff\xfe", 1220),
        (b"{\"id\":\"\xc3\x28\"}", 1220),
        (b"\xef\xbb\xbf{}", 1220),
        (b"{'id':'1'}", 1220),
        (b"{\"id\":01}", 1220),
        (b"{\"id\":NaN}", 1220),
        (b"{\"id\":1,}", 1220),
        (b"{\"id\":\"1\",\"id\":\"2\"}", 1220),
        (b"id=1&version=2", 1220),
        (b"\x1f\x8b\x08\x00", 1220),
        (deep.as_bytes(), 1220),
        (&deep_object.as_bytes()[..deep_object.len().min(LARGEST)], 1220),
    ];
    for verb in UPLINKS {
        for (payload, code) in &payloads {
            let response = bed.device("d0").publish(verb, *payload);
            if verb == "upgrade_reply" {
                assert_eq!(response.status(), StatusCode::NO_CONTENT);
                continue;
            }
            let reply = json(&response);
            let text = String::from_utf8_lossy(&payload[..payload.len().min(60)]);
            assert_eq!(
                (response.status(), &reply["code"]),
                (StatusCode::OK, &json!(code)),
                "{verb} {text:?}"
            );
            let data = if verb == "getversion" { json!([]) } else { json!({}) };
            assert_eq!(reply["data"], data, "{verb} {text:?}");
            assert!(reply["message"].as_str().unwrap().len() < 200, "{reply}");
        }
    }
    assert_eq!(bed.state(), before);
}

#[test]
fn up_to_512_kib_are_read_and_a_byte_more_is_1008() {
    let bed = Testbed::with_fleet(1, IMAGE);
    for verb in ["inform", "progress", "getversion"] {
        let text = message(verb).to_string();
        let padded = |size: usize| format!("{text}{}", " ".repeat(size - text.len()));
        let code = |size: usize| json(&bed.device("d0").publish(verb, padded(size)))["code"].clone();
        assert_ne!(code(LARGEST), 1008, "{verb}");
        for size in [LARGEST + 1, 2 * LARGEST, 4 * LARGEST] {
            assert_eq!(code(size), 1008, "{verb}");
        }
    }
}

#[test]
fn an_id_is_echoed_byte_for_byte_with_its_type() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let long = format!("\"{}\"", "x".repeat(254));
    for id in [
        "\"1\"",
        "1",
        "1.0",
        "-0",
        "1e400",
        "123456789012345678901234567890",
        "null",
        "\"\"",
        r#""\u0000\ud800 é \/""#,
        r#"{"a":[1, 2]}"#,
        "[ 1 ]",
        "true",
        r#""</script><script>""#,
        &long,
    ] {
        for verb in ["inform", "getversion", "progress"] {
            let payload = message(verb).to_string().replace("\"7\"", id);
            let response = bed.device("d0").publish(verb, payload);
            let reply = String::from_utf8_lossy(response.body()).into_owned();
            assert!(reply.starts_with(&format!(r#"{{"id":{id},"code":"#)), "{verb} {id}: {reply}");
        }
    }
    let without = bed.device("d0").publish("inform", r#"{"params":{"version":"1"}}"#);
    assert_eq!(String::from_utf8_lossy(without.body()), r#"{"code":200,"data":{}}"#);
    let huge = format!(r#"{{"id":"{}","params":{{"version":"1"}}}}"#, "x".repeat(300));
    assert_eq!(json(&bed.device("d0").publish("inform", huge))["code"], 1220);
}

#[test]
fn a_path_that_names_no_device_is_404_on_every_topic_and_reaches_no_store() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let (long, before) = ("k".repeat(65), bed.sql.count());
    for verb in UPLINKS {
        let component = ota_testbed::component_of(&format!("/topic/sys/pk/d0/ota/device/{verb}")).unwrap();
        for (product, device) in [
            ("..", "d0"),
            ("%2e%2e", "d0"),
            ("pk", "%2E"),
            ("pk", "d0%00"),
            ("pk", "d0%2F..%2Fd1"),
            ("pk", "d0%0a"),
            ("pk", "%"),
            ("pk", "%ff"),
            ("pk", "+"),
            ("pk", "%23"),
            ("pk", "'%20OR%20'1'='1"),
            ("pk", "d0&x"),
            ("pk", "d0%3bDROP%20TABLE%20device"),
            ("pk", "%F0%9F%98%80"),
            ("", "d0"),
            ("pk", ""),
            ("pk", &long),
            ("pk/x", "d0"),
        ] {
            for tail in [
                verb.to_owned(),
                format!("{verb}/"),
                format!("x/../{verb}"),
                format!("{verb}_reply"),
                "upgrade".to_owned(),
            ] {
                let path = format!("/topic/sys/{product}/{device}/ota/device/{tail}");
                let request = bed.by_bridge(&path, message(verb).to_string());
                assert_eq!(bed.send_to(component, &request).status(), StatusCode::NOT_FOUND, "{path}");
                let routed = bed.send(&request).status();
                assert!(routed == StatusCode::NOT_FOUND, "{path}: {routed}");
            }
        }
    }
    assert_eq!(bed.sql.count(), before);
}

#[test]
fn forged_headers_of_the_host_and_of_bridges_decide_nothing_about_identity() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let mut request =
        bed.device("d0").request("inform", message("inform").to_string().replace("\"1\"", "\"1.1\""));
    for (name, value) in [
        ("spin-path-match-dk", "d1"),
        ("spin-path-match-pk", "other"),
        ("spin-path-info", "/topic/sys/pk/d1/ota/device/inform"),
        ("spin-full-url", "http://evil.test/topic/sys/pk/d1/ota/device/inform"),
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-mqtt-client-id", "d1"),
        ("x-ota-bridge", "evil\u{7f}"),
        ("topic", "/sys/pk/d1/ota/device/upgrade"),
    ] {
        request
            .headers_mut()
            .insert(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap_or("x".parse().unwrap()));
    }
    assert_eq!(bed.send(&request).status(), StatusCode::OK);
    let version =
        |device: &str| bed.show(&format!("/api/v1/products/pk/devices/{device}"))["version"].clone();
    assert_eq!((version("d0"), version("d1")), (json!("1.1"), json!("1")));
    bed.add_job("push", json!({}));
    let response = bed.send(&request);
    let command: Value = serde_json::from_slice(response.headers()["command-payload"].as_bytes()).unwrap();
    assert!(command["params"]["fileUrl"].as_str().unwrap().starts_with("http://gateway.test/fleet/ota/"));
}
