//! `/api/v1/jobs`.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, assert_takes_no_nonsense, post};

const JOBS: &str = "/api/v1/jobs";

#[test]
fn a_job_that_says_nothing_has_the_terms_of_the_design() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let response = post(&bed, JOBS, &json!({"product": "pk", "to": "2"}));
    assert_eq!(response.status(), StatusCode::CREATED);
    let created = json(&response);
    let id = created["job"].as_str().unwrap();
    assert_eq!(
        created,
        json!({
            "job": id, "product": "pk", "to": "2", "mode": "push", "state": "running", "held_because": null,
            "devices": 2, "waiting": 2, "in_flight": 0, "succeeded": 0, "failed": 0, "timed_out": 0, "canceled": 0,
            "skipped": 0, "exposed": 0, "begun": 0, "loss_budget": 10, "growth": 100, "bound": 10,
            "max_in_flight": 300, "first_sign_within": 300, "upgrade_timeout": 7200, "confirm_within": 60,
            "reachable_within": 600, "created_at": ota_testbed::START,
        })
    );
    assert_eq!(bed.job(id), created);
    assert_eq!(bed.show(JOBS), json!({"jobs": [created]}));
}

#[test]
fn the_ends_of_each_term_are_taken_and_what_is_beyond_is_named_with_its_limits() {
    let bed = Testbed::with_fleet(1, IMAGE);
    for (term, least, most) in [
        ("loss_budget", 1_i64, 1_000_000_i64),
        ("growth", 0, 1000),
        ("max_in_flight", 1, 1_000_000),
        ("first_sign_within", 1, 172_800),
        ("upgrade_timeout", 1, 172_800),
        ("confirm_within", 1, 172_800),
        ("reachable_within", 1, 172_800),
    ] {
        for value in [least, most] {
            assert_eq!(bed.job(&bed.add_job("push", json!({term: value})))[term], value, "{term}");
        }
        for value in [least - 1, most + 1, -1_000_000_000_000, 1_000_000_000_000] {
            let response = post(&bed, JOBS, &json!({"product": "pk", "to": "2", term: value}));
            let says = format!("{term} is {value}, must be {least} to {most}");
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", &says);
        }
        for value in [i64::MIN, i64::MAX] {
            let response = post(&bed, JOBS, &json!({"product": "pk", "to": "2", term: value}));
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", term);
        }
        for value in [json!("1"), json!(1.5), json!(true), json!([1]), json!(1e30)] {
            let response = post(&bed, JOBS, &json!({"product": "pk", "to": "2", term: value}));
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "expected i64");
        }
    }
}

#[test]
fn what_cannot_be_a_job_is_refused_named_and_leaves_nothing() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_takes_no_nonsense(&bed, JOBS);
    let long = "v".repeat(129);
    let many: Vec<String> = (0..10_001).map(|n| format!("d{n}")).collect();
    let bad = |patch: Value, says: &str| {
        let mut body = json!({"product": "pk", "to": "2"});
        body.as_object_mut().unwrap().append(patch.clone().as_object_mut().unwrap());
        let response = post(&bed, JOBS, &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    };
    bad(json!({"product": null}), "expected a string");
    bad(json!({"product": "p/k"}), "product \"p/k\": product key contains '/'");
    bad(json!({"to": null}), "expected a string");
    bad(json!({"to": ""}), "version \"\": version has 0 characters, 1 to 128 are allowed");
    bad(json!({"to": long}), "version has 129 characters, 1 to 128 are allowed");
    bad(json!({"to": "2\u{0}"}), "version contains the control character '\\0'");
    bad(json!({"mode": "pull"}), "mode is \"pull\", must be push or request");
    bad(json!({"mode": "Push"}), "mode is \"Push\", must be push or request");
    bad(json!({"mode": 1}), "expected a string");
    bad(json!({"from": "1"}), "expected a sequence");
    bad(json!({"from": []}), "from has 0 entries, must have 1 to 10000");
    bad(json!({"from": ["\n"]}), "version contains the control character '\\n'");
    bad(json!({"devices": []}), "devices has 0 entries, must have 1 to 10000");
    bad(json!({"devices": many}), "devices has 10001 entries, must have 1 to 10000");
    bad(json!({"devices": ["d0", "../d0"]}), "device \"../d0\": device key contains '/'");
    bad(json!({"devices": [0]}), "expected a string");
    bad(json!({"from": ["1"], "devices": ["d0"]}), "not both");
    bad(json!({"budget": 1}), "unknown field `budget`, expected one of `product`, `to`, `mode`");
    let other = |patch: Value, status, code: &str, says: &str| {
        let mut body = json!({"product": "pk", "to": "2"});
        body.as_object_mut().unwrap().append(patch.clone().as_object_mut().unwrap());
        assert_refused(&post(&bed, JOBS, &body), status, code, says);
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    other(json!({"product": "other"}), StatusCode::NOT_FOUND, "not_found", "product other is not registered");
    other(json!({"to": "3"}), unprocessable, "no_firmware", "firmware 3 is not registered");
    other(json!({"devices": ["d0", "d9"]}), unprocessable, "no_device", "device d9 is not registered");
    other(json!({"from": ["0"]}), unprocessable, "empty_scope", "no device is in the scope");
    assert_eq!(bed.show(JOBS), json!({"jobs": []}));
}

#[test]
fn stopping_is_final_and_may_be_repeated() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    for _ in 0..2 {
        let response = bed.operate(Method::POST, &format!("{JOBS}/{job}/stop"), "");
        assert_eq!(json(&response)["state"], "stopped");
    }
    assert_eq!(bed.events().iter().filter(|kind| *kind == "stopped").count(), 1);
}

#[test]
fn a_job_that_is_none_is_404_on_each_of_its_paths() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let long = "a".repeat(65);
    for id in ["0123456789ab", "x", "..", "a%2Fb", "a%00b", "%27", "%c3%a9", "a.b", &long] {
        for (method, path) in [
            (Method::GET, format!("{JOBS}/{id}")),
            (Method::POST, format!("{JOBS}/{id}/stop")),
            (Method::GET, format!("{JOBS}/{id}/tasks")),
        ] {
            let response = bed.operate(method, &path, "");
            assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "there is no");
        }
    }
}

#[test]
fn jobs_are_listed_newest_first_and_by_product() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let ids: Vec<Value> = (0..3)
        .map(|_| {
            bed.pass(1);
            json!(bed.add_job("push", json!({})))
        })
        .collect();
    let listed = |query: &str| -> Vec<Value> {
        let shown = bed.show(&format!("{JOBS}{query}"));
        shown["jobs"].as_array().unwrap().iter().map(|job| job["job"].clone()).collect()
    };
    let newest: Vec<Value> = ids.iter().rev().cloned().collect();
    assert_eq!(listed(""), newest);
    assert_eq!(listed("?product=pk&limit=2"), newest[..2]);
    assert!(listed("?product=other").is_empty());
    let response = bed.operate(Method::GET, &format!("{JOBS}?product=a/b"), "");
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "product \"a/b\"");
}
