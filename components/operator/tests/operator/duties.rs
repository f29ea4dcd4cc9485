//! What a firmware asks of the jobs that bring it: said with its upload, shown, and kept.

use http::StatusCode;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused};

fn duties(shown: &Value) -> [Value; 5] {
    ["must_pass", "needs_verification", "verified", "verify_most", "verify_least"]
        .map(|name| shown[name].clone())
}

fn listed(bed: &Testbed, at: usize) -> Value {
    bed.show("/api/v1/products/pk/firmware")["firmware"][at].clone()
}

#[test]
fn duties_are_as_usual_where_the_upload_says_nothing() {
    let bed = Testbed::new();
    bed.add_product();
    for (version, query, expected) in [
        ("1", "", [json!(false), json!(false), json!(false), json!(5), json!(1)]),
        ("2", "?must_pass=true", [json!(true), json!(false), json!(false), json!(5), json!(1)]),
        (
            "3",
            "?needs_verification=true&verify_most=1000&verify_least=7&must_pass=false",
            [json!(false), json!(true), json!(false), json!(1000), json!(7)],
        ),
    ] {
        let response = bed.upload(version, query, IMAGE);
        assert_eq!((response.status(), duties(&json(&response))), (StatusCode::CREATED, expected));
    }
}

#[test]
fn duties_that_cannot_be_are_refused_and_store_nothing() {
    let bed = Testbed::new();
    bed.add_product();
    for (query, says) in [
        ("must_pass=1", "must_pass is \"1\", must be true or false"),
        ("must_pass=", "must_pass is \"\", must be true or false"),
        ("needs_verification=yes", "needs_verification is \"yes\", must be true or false"),
        ("verify_most=0", "verify_most is 0, must be 1 to 1000"),
        ("verify_most=1001", "verify_most is 1001, must be 1 to 1000"),
        ("verify_most=five", "verify_most is \"five\", must be 1 to 1000"),
        ("verify_least=0", "verify_least is 0, must be 1 to 1000"),
        ("verify_least=6", "verify_least is 6, must be at most verify_most, 5"),
    ] {
        let response = bed.upload("2", &format!("?{query}"), IMAGE);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert!(bed.kv.keys("image:").is_empty());
}

#[test]
fn a_firmware_keeps_its_duties() {
    let bed = Testbed::new();
    bed.add_product();
    assert_eq!(bed.upload("2", "?must_pass=true", IMAGE).status(), StatusCode::CREATED);
    for query in ["", "?must_pass=true", "?must_pass=true&verify_most=5"] {
        assert_eq!(bed.upload("2", query, IMAGE).status(), StatusCode::OK, "{query}");
    }
    for (query, name) in [
        ("?must_pass=false", "must_pass"),
        ("?needs_verification=true", "needs_verification"),
        ("?verify_most=6", "verify_most"),
        ("?verify_least=2", "verify_least"),
    ] {
        let says = format!("version 2 is registered with another {name}");
        assert_refused(&bed.upload("2", query, IMAGE), StatusCode::CONFLICT, "other_duties", &says);
    }
    assert_eq!(bed.kv.keys("image:").len(), 2, "one piece and the digests");
}

#[test]
fn a_firmware_is_verified_once_a_verification_job_succeeded_on_enough_devices() {
    let bed = Testbed::with_fleet(2, IMAGE);
    bed.upload("3", "?needs_verification=true", IMAGE);
    let job = bed.add_job("push", json!({"to": "3", "kind": "verify", "devices": ["d0"]}));
    assert_eq!(listed(&bed, 1)["verified"], false);
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.device("d0").inform("3");
    assert_eq!(bed.job(&job)["state"], "done");
    assert_eq!(listed(&bed, 1)["verified"], true);
    assert_eq!(json(&bed.upload("3", "", IMAGE))["verified"], true);
    bed.add_job("push", json!({"to": "3"}));
}
