//! `/api/v1/products/{product}/devices/{device}`: replaced, deleted, tagged.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{IMAGE, assert_refused, post};

const D0: &str = "/api/v1/products/pk/devices/d0";
const NOWHERE: [&str; 2] = ["/api/v1/products/pk/devices/d9", "/api/v1/products/other/devices/d0"];

#[test]
fn new_hardware_has_its_own_secret_and_nothing_of_the_old() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    let response = bed.operate(Method::POST, &format!("{D0}/replace"), "");
    assert_eq!(response.status(), StatusCode::OK);
    let replaced = json(&response);
    let secret = replaced["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    for (field, value) in [
        ("product", json!("pk")),
        ("device", json!("d0")),
        ("generation", json!(2)),
        ("version", json!(null)),
        ("heard_at", json!(null)),
        ("tags", json!([])),
    ] {
        assert_eq!(replaced[field], value, "{field}");
    }
    assert_eq!(bed.task(&job, "d0")["state"], "canceled");
    assert!(!bed.device("d0").logged_in(secret).session().is_empty());
    let given = post(&bed, &format!("{D0}/replace"), &json!({"secret": "of-the-third"}));
    assert_eq!((&json(&given)["generation"], &json(&given)["secret"]), (&json!(3), &json!("of-the-third")));
    assert!(bed.show(D0).get("secret").is_none(), "it is shown only then");
    for (body, says) in [
        (json!({"secret": ""}), "secret has 0 bytes, must have 1 to 128"),
        (json!({"secret": "a b"}), "not printable ASCII"),
        (json!({"secret": 1}), "secret: invalid type"),
        (json!({"key": "x"}), "unknown field `key`"),
    ] {
        let response = post(&bed, &format!("{D0}/replace"), &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    for path in NOWHERE {
        let response = bed.operate(Method::POST, &format!("{path}/replace"), "");
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "is not registered");
    }
}

#[test]
fn a_device_that_is_deleted_is_gone_and_what_it_exposed_stays_counted() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    let response = bed.operate(Method::DELETE, D0, "");
    assert_eq!((response.status(), response.body().len()), (StatusCode::NO_CONTENT, 0));
    for method in [Method::DELETE, Method::GET] {
        let response = bed.operate(method, D0, "");
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "device pk/d0 is not registered");
    }
    let shown = bed.job(&job);
    assert_eq!((&shown["exposed"], &shown["canceled"], &shown["lost"]), (&json!(1), &json!(1), &json!(1)));
    bed.add_device("d0");
    assert_eq!(bed.show(D0)["generation"], 2, "other hardware under the same key");
}

#[test]
fn tags_are_set_as_a_whole_and_shown_in_order() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let path = format!("{D0}/tags");
    let set = |body: serde_json::Value| bed.operate(Method::PUT, &path, body.to_string());
    let most: Vec<String> = (10..74).map(|n| format!("t{n}")).collect();
    for (tags, shown) in [
        (json!(["lab", "blue", "lab"]), json!(["blue", "lab"])),
        (json!(["site:berlin/3", "a.b_c=d@e-f"]), json!(["a.b_c=d@e-f", "site:berlin/3"])),
        (json!(most), json!(most)),
        (json!([]), json!([])),
        (json!(["t".repeat(64)]), json!(["t".repeat(64)])),
    ] {
        let response = set(json!({"tags": tags}));
        assert_eq!((response.status(), json(&response)), (StatusCode::OK, json!({"tags": shown})));
        assert_eq!(bed.show(D0)["tags"], shown);
        let listed = bed.show("/api/v1/products/pk/devices");
        assert_eq!((&listed["devices"][0]["tags"], &listed["devices"][1]["tags"]), (&shown, &json!([])));
    }
    let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    for (body, says) in [
        (json!({"tags": many}), "tags has 65 entries, must have at most 64"),
        (json!({"tags": [""]}), "tag \"\" has 0 characters, must have 1 to 64"),
        (json!({"tags": ["t".repeat(65)]}), "has 65 characters, must have 1 to 64"),
        (json!({"tags": ["a,b"]}), "tag \"a,b\" contains ',', must be of letters, digits and . _ : = / @ -"),
        (json!({"tags": ["é"]}), "contains 'é'"),
        (json!({"tags": ["a\u{0}"]}), "contains '\\0'"),
        (json!({"tags": "lab"}), "tags: invalid type"),
        (json!({"tags": [1]}), "tags[0]: invalid type"),
        (json!({}), "missing field `tags`"),
        (json!({"tags": [], "add": true}), "unknown field `add`"),
    ] {
        assert_refused(&set(body), StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert_eq!(bed.show(D0)["tags"][0], "t".repeat(64), "what is refused changes nothing");
    for path in NOWHERE {
        let response = bed.operate(Method::PUT, &format!("{path}/tags"), r#"{"tags":["lab"]}"#);
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "is not registered");
    }
}

#[test]
fn a_device_that_gets_the_tags_of_an_incremental_job_joins_it() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let tag = |device: &str| {
        let path = format!("/api/v1/products/pk/devices/{device}/tags");
        assert_eq!(bed.operate(Method::PUT, &path, r#"{"tags":["lab"]}"#).status(), StatusCode::OK);
    };
    tag("d0");
    let job = bed.add_job("push", json!({"tags": ["lab"], "policy": "incremental"}));
    assert_eq!(bed.job(&job)["devices"], 1);
    tag("d1");
    assert_eq!(bed.job(&job)["devices"], 2);
    assert_eq!(bed.task(&job, "d1")["state"], "waiting");
}
