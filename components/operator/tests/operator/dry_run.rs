//! `POST /api/v1/jobs?dry_run=true`: what would be, and nothing is.

use http::StatusCode;
use ota_testbed::{START, Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, post};

const DRY: &str = "/api/v1/jobs?dry_run=true";

fn dry(bed: &Testbed, fields: &Value) -> Value {
    let mut body = json!({"product": "pk", "to": "2"});
    body.as_object_mut().unwrap().append(fields.clone().as_object_mut().unwrap());
    let response = post(bed, DRY, &body);
    assert_eq!(response.status(), StatusCode::OK, "{}", json(&response));
    json(&response)
}

#[test]
fn what_a_job_would_do_is_told_and_not_done() {
    let bed = Testbed::with_fleet(3, IMAGE);
    bed.device("d2").inform("2");
    bed.add_device("e0");
    let state = bed.state();
    let fields = json!({
        "canary": ["d1"], "canary_soak": 3600, "loss_budget": 3, "starts_at": START + 1000,
        "stages": [{"share": 100}],
    });
    assert_eq!(
        dry(&bed, &fields),
        json!({
            "devices": 4, "skipped": 1, "waiting": 3, "never_informed": 1, "reachable_now": 2,
            "refused": [
                {"why": "the device runs the target already", "devices": 1, "examples": ["d2"]},
                {"why": "the device never informed a version", "devices": 1, "examples": ["e0"]},
            ],
            "first": ["d1", "d0"],
            "stages": [{"stage": 0, "devices": 1}, {"stage": 1, "devices": 3}],
            "bound_at_start": 3, "opens_at": START + 1000,
            // The canary, an hour, then the other two together.
            "estimate": {"1000": null, "10000": null, "100000": null, "all": 600_000 + 3_600_000 + 600_000},
            "per_device_ms": 600_000, "based_on": "assumed",
        })
    );
    assert_eq!(bed.state(), state);
}

#[test]
fn the_estimate_says_what_it_goes_by() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.pass(90_000);
    bed.device("d0").inform("2");
    let told = dry(&bed, &json!({}));
    assert_eq!(
        (&told["per_device_ms"], &told["based_on"]),
        (&json!(90_000), &json!("1 finished upgrades of this product"))
    );
    assert_eq!(told["estimate"]["all"], 90_000);
    bed.stop(&job);
    bed.device("d1").inform("2");
    assert_eq!(dry(&bed, &json!({}))["estimate"]["all"], Value::Null, "nobody would be told");
}

#[test]
fn only_true_and_false_say_whether_it_is_dry() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let body = json!({"product": "pk", "to": "2"});
    for word in ["1", "yes", "TRUE", "", "%00"] {
        let response = post(&bed, &format!("/api/v1/jobs?dry_run={word}"), &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "must be true or false");
    }
    assert_eq!(post(&bed, "/api/v1/jobs?dry_run=false", &body).status(), StatusCode::CREATED);
}
