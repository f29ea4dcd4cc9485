//! `POST /mqtt/acl`.

use http::StatusCode;
use ota_testbed::{Testbed, json};
use serde_json::json;

#[test]
fn a_device_may_use_its_own_topics_and_no_others() {
    let bed = Testbed::new();
    for (access, topic, result) in [
        ("2", "/sys/pk/dk/ota/device/inform", "allow"),
        ("2", "/sys/pk/dk/ota/device/upgrade_reply", "allow"),
        ("1", "/sys/pk/dk/ota/device/upgrade", "allow"),
        ("1", "/sys/pk/dk/ota/device/inform_reply", "allow"),
        ("1", "/sys/pk/dk/ota/device/inform", "deny"),
        ("2", "/sys/pk/dk/ota/device/upgrade", "deny"),
        ("2", "/sys/pk/dk/ota/device/inform_reply", "deny"),
        ("2", "/sys/pk/other/ota/device/inform", "deny"),
        ("2", "/sys/other/dk/ota/device/inform", "deny"),
        ("1", "/sys/pk/+/ota/device/upgrade", "deny"),
        ("1", "/sys/pk/dk/#", "deny"),
        ("1", "#", "deny"),
        ("1", "$SYS/#", "deny"),
        ("1", "$share/g//sys/pk/dk/ota/device/upgrade", "deny"),
        ("2", "/sys/pk/dk/ota/device/inform/", "deny"),
        ("2", "/sys/pk/../pk/dk/ota/device/inform", "deny"),
        ("2", "/sys/pk/dk/ota/device/inform\0", "deny"),
    ] {
        let (status, told) =
            ask(&bed, "", &json!({"clientid": "c", "username": "dk&pk", "access": access, "topic": topic}));
        assert_eq!((status, told["result"].as_str()), (StatusCode::OK, Some(result)), "{access} {topic:?}");
    }
}

#[test]
fn a_username_that_names_no_device_may_do_nothing() {
    let bed = Testbed::new();
    for username in ["dk", "&", "dk&", "&pk", "dk&pk&", "root", "dk&../pk"] {
        let asked = json!({"clientid": "c", "username": username, "action": "publish", "topic": "/sys/pk/dk/ota/device/inform"});
        assert_eq!(ask(&bed, "", &asked).1["result"], "deny", "{username}");
        assert_eq!(ask(&bed, "?style=status", &asked).0, StatusCode::FORBIDDEN, "{username}");
    }
}

#[test]
fn a_question_that_cannot_be_read_is_400() {
    let bed = Testbed::new();
    for asked in [
        json!({}),
        json!([]),
        json!({"clientid": "c", "username": "dk&pk", "topic": "t"}),
        json!({"clientid": "c", "username": "dk&pk", "access": "3", "topic": "t"}),
        json!({"clientid": "c", "username": "dk&pk", "action": "all", "topic": "t"}),
        json!({"clientid": "c", "username": "dk&pk", "access": "1"}),
        json!({"clientid": "c", "access": "1", "topic": "t"}),
        json!({"username": "dk&pk", "access": "1", "topic": "t"}),
        json!({"clientid": "c", "username": "dk&pk", "access": "1", "topic": ["t"]}),
    ] {
        assert_eq!(ask(&bed, "", &asked).0, StatusCode::BAD_REQUEST, "{asked}");
    }
}

fn ask(bed: &Testbed, query: &str, asked: &serde_json::Value) -> (StatusCode, serde_json::Value) {
    let response = bed.send(&bed.by_bridge(&format!("/mqtt/acl{query}"), asked.to_string()));
    (response.status(), json(&response))
}
