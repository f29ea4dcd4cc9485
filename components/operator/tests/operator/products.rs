//! `/api/v1/products`.

use http::StatusCode;
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{IMAGE, assert_refused, assert_takes_no_nonsense, patch, post};

#[test]
fn a_product_is_created_once_and_counted() {
    let bed = Testbed::new();
    let product = json!({"product": "pk"});
    for status in [StatusCode::CREATED, StatusCode::OK, StatusCode::OK] {
        let response = post(&bed, "/api/v1/products", &product);
        assert_eq!((response.status(), json(&response)), (status, shown(0, 0)));
    }
    bed.set_fleet(2, IMAGE);
    assert_eq!(bed.show("/api/v1/products"), json!({"products": [shown(2, 1)]}));
    assert_eq!(bed.events().iter().filter(|kind| *kind == "product_created").count(), 1);
}

/// The product `pk` of which nothing was set.
fn shown(devices: u64, firmware: u64) -> serde_json::Value {
    json!({
        "product": "pk",
        "devices": devices,
        "firmware": firmware,
        "unknown_versions": "older",
        "signing_keys": [],
        "requires_signature": false,
        "java_sdk": true,
    })
}

#[test]
fn a_product_may_refuse_devices_whose_version_is_not_registered() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let path = "/api/v1/products/pk";
    assert_eq!(bed.show(path)["unknown_versions"], "older");
    for words in ["refuse", "refuse", "older", "refuse"] {
        let response = patch(&bed, path, &json!({"unknown_versions": words}));
        assert_eq!((response.status(), &json(&response)), (StatusCode::OK, &bed.show(path)));
        assert_eq!(bed.show(path)["unknown_versions"], words);
    }
    assert_eq!(bed.events().iter().filter(|kind| *kind == "product_amended").count(), 3);
    bed.add_job("push", json!({}));
    assert!(bed.device("d0").inform("1").command.is_none(), "1 is not registered");
    for (body, says) in [
        (json!({"unknown_versions": "newer"}), "unknown_versions: unknown variant `newer`"),
        (json!({"unknown_versions": null}), "the body names nothing to set"),
        (json!({"unknown_versions": true}), "unknown_versions: "),
        (json!({}), "the body names nothing to set"),
        (json!({"unknown_versions": "older", "x": 1}), "unknown field `x`"),
    ] {
        assert_refused(&patch(&bed, path, &body), StatusCode::BAD_REQUEST, "bad_request", says);
    }
    let other = "/api/v1/products/other";
    let body = json!({"unknown_versions": "older"});
    assert_refused(&patch(&bed, other, &body), StatusCode::NOT_FOUND, "not_found", "product other is not");
    let shown = bed.operate(http::Method::GET, other, "");
    assert_refused(&shown, StatusCode::NOT_FOUND, "not_found", "product other is not registered");
}

#[test]
fn a_key_that_could_forge_a_topic_a_path_or_a_row_is_refused_and_named() {
    let bed = Testbed::new();
    let long = "k".repeat(65);
    for (key, says) in [
        ("", "product \"\": product key has 0 characters, 1 to 64 are allowed"),
        (long.as_str(), "product key has 65 characters, 1 to 64 are allowed"),
        (".", "may be neither . nor .."),
        ("..", "may be neither . nor .."),
        ("a/b", "contains '/'"),
        ("a b", "contains ' '"),
        ("a&b", "contains '&'"),
        ("#", "contains '#'"),
        ("+", "contains '+'"),
        ("a\0", "contains '\\0'"),
        ("a\n", "contains '\\n'"),
        ("é", "contains 'é'"),
        ("'; DROP TABLE product; --", "contains '\\''"),
    ] {
        let response = post(&bed, "/api/v1/products", &json!({"product": key}));
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert_eq!(bed.show("/api/v1/products"), json!({"products": []}));
}

#[test]
fn a_body_of_another_shape_is_refused_and_says_what_is_expected() {
    let bed = Testbed::new();
    assert_takes_no_nonsense(&bed, "/api/v1/products");
    for (body, says) in [
        (json!({}), "missing field `product`"),
        (json!({"product": 1}), "invalid type: integer `1`, expected a string"),
        (json!({"product": null}), "expected a string"),
        (json!({"product": "a", "name": "b"}), "unknown field `name`, expected one of `product`"),
    ] {
        let response = post(&bed, "/api/v1/products", &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
}
