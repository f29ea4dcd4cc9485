//! `/api/v1/jobs`.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, post};

const JOBS: &str = "/api/v1/jobs";

#[test]
fn a_job_that_says_nothing_has_the_terms_of_the_design() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let response = post(&bed, JOBS, &json!({"product": "pk", "to": "2"}));
    assert_eq!(response.status(), StatusCode::CREATED);
    let created = json(&response);
    let id = created["job"].as_str().unwrap();
    let mut expected = json!({
        "job": id, "product": "pk", "to": "2", "kind": "upgrade", "mode": "push", "policy": "snapshot",
        "downgrade": false, "state": "running", "hard": false, "held_because": null, "filled": true,
        "stage": null, "created_at": ota_testbed::START,
        "devices": 2, "waiting": 2, "in_flight": 0, "succeeded": 0, "failed": 0, "timed_out": 0, "canceled": 0,
        "skipped": 0, "exposed": 0, "begun": 0, "retrying": 0, "lost": 0, "bound": 10,
        "forgiven": {"lost": 0, "succeeded": 0},
    });
    let mut terms = json!({
        "loss_budget": 10, "growth": 100, "max_failure_rate": 5, "max_in_flight": 300, "per_minute": 0,
        "retry": {
            "attempts": 1, "backoff": 60,
            "reasons": ["download_failed", "verification_failed", "ignored", "timed_out"],
        },
        "first_sign_within": 300, "upgrade_timeout": 7200, "confirm_within": 60, "reachable_within": 600,
        "starts_at": 0, "zone": null, "windows": [], "opens_at": null,
    });
    let mut named = json!({
        "from": [], "named": [], "tags": [], "exclude": [], "canary": [], "canary_soak": 0, "stages": [],
    });
    for part in [&mut terms, &mut named] {
        expected.as_object_mut().unwrap().append(part.as_object_mut().unwrap());
    }
    assert_eq!(created, expected);
    assert_eq!(bed.job(id), created);
    // A list leaves out what a job names one by one.
    let mut listed = created;
    for field in ["from", "named", "tags", "exclude", "canary", "canary_soak", "stages"] {
        listed.as_object_mut().unwrap().remove(field).unwrap();
    }
    assert_eq!(bed.show(JOBS), json!({"jobs": [listed], "next": null}));
}

#[test]
fn a_job_is_created_once_under_its_key() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let create = |key: &str, budget: i64| {
        let body = json!({"product": "pk", "to": "2", "loss_budget": budget}).to_string();
        let mut request = bed.by_operator(Method::POST, JOBS, body.into_bytes());
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        bed.send(&request)
    };
    let first = create("run-17", 3);
    assert_eq!(first.status(), StatusCode::CREATED);
    let again = create("run-17", 3);
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(json(&again), json(&first));
    assert_eq!(create("run-18", 3).status(), StatusCode::CREATED);
    assert_eq!(bed.show(JOBS)["jobs"].as_array().unwrap().len(), 2);
    assert_refused(&create("run-17", 4), StatusCode::CONFLICT, "key_taken", "run-17");
    assert_refused(&create("run 17", 3), StatusCode::BAD_REQUEST, "bad_request", "idempotency-key");
    assert_refused(&create(&"k".repeat(129), 3), StatusCode::BAD_REQUEST, "bad_request", "128");
}

#[test]
fn a_job_that_says_everything_is_shown_as_it_was_written() {
    let bed = Testbed::with_fleet(4, IMAGE);
    for device in ["d1", "d2", "d3"] {
        let path = format!("/api/v1/products/pk/devices/{device}/tags");
        assert_eq!(bed.operate(Method::PUT, &path, r#"{"tags":["lab","blue"]}"#).status(), StatusCode::OK);
    }
    let terms = json!({
        "kind": "upgrade", "mode": "request", "policy": "incremental", "downgrade": true,
        "tags": ["blue", "lab"], "from": ["1", "1.5"], "exclude": ["d3"], "canary": ["d1"], "canary_soak": 60,
        "stages": [{"share": 12.5, "soak": 30, "pass": 99.9}, {"share": 100, "soak": 0, "pass": 50}],
        "loss_budget": 3, "growth": 0, "max_failure_rate": 2.5, "max_in_flight": 7, "per_minute": 60,
        "retry": {"attempts": 3, "backoff": 120, "reasons": ["rollback", "timed_out"]},
        "first_sign_within": 10, "upgrade_timeout": 20, "confirm_within": 30, "reachable_within": 40,
        "starts_at": ota_testbed::START + 1000, "zone": "Europe/Berlin", "windows": ["22:00-04:00", "08:00-09:30"],
    });
    let job = bed.job(&bed.add_job("request", terms.clone()));
    for (field, value) in terms.as_object().unwrap() {
        assert_eq!(job[field], *value, "{field}");
    }
    assert_eq!(job["devices"], 2, "d1 and d2");
    // The clock of a new testbed shows 09:00 in Berlin.
    assert_eq!(job["opens_at"], ota_testbed::START + 1000);
    let stage = json!({"open": 0, "last": 2, "members": 1, "succeeded": 0, "ended": 0, "passed_at": null});
    assert_eq!(job["stage"], stage);
}

#[test]
fn the_ends_of_each_term_are_taken_and_what_is_beyond_is_named_with_its_limits() {
    let bed = Testbed::with_fleet(1, IMAGE);
    for (term, least, most) in [
        ("loss_budget", 1_i64, 1_000_000_i64),
        ("growth", 0, 1000),
        ("max_in_flight", 1, 1_000_000),
        ("per_minute", 0, 60_000),
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
            let says = format!("the body is not as expected: {term}: invalid type: ");
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", &says);
        }
    }
}

#[test]
fn a_job_that_is_none_is_404_on_each_of_its_paths() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let long = "a".repeat(65);
    for id in ["0123456789ab", "x", "..", "a%2Fb", "a%00b", "%27", "%c3%a9", "a.b", &long] {
        for (method, path) in [
            (Method::GET, format!("{JOBS}/{id}")),
            (Method::PATCH, format!("{JOBS}/{id}")),
            (Method::DELETE, format!("{JOBS}/{id}")),
            (Method::POST, format!("{JOBS}/{id}/stop")),
            (Method::POST, format!("{JOBS}/{id}/pause")),
            (Method::POST, format!("{JOBS}/{id}/resume")),
            (Method::GET, format!("{JOBS}/{id}/tasks")),
            (Method::POST, format!("{JOBS}/{id}/tasks/cancel")),
            (Method::POST, format!("{JOBS}/{id}/tasks/retry")),
            (Method::GET, format!("{JOBS}/{id}/explain/d0")),
        ] {
            let body = match path.rsplit('/').next() {
                _ if method == Method::PATCH => "{}",
                Some("cancel" | "retry") => r#"{"devices":["d0"]}"#,
                _ => "",
            };
            let response = bed.operate(method, &path, body);
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
    let mut paged = Vec::new();
    let mut next = String::new();
    while next != "null" {
        let before = if next.is_empty() { String::new() } else { format!("&before={next}") };
        let page = bed.show(&format!("{JOBS}?product=pk&limit=2{before}"));
        paged.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["job"].clone()));
        next = page["next"].to_string();
    }
    assert_eq!(paged, newest);
    let response = bed.operate(Method::GET, &format!("{JOBS}?before=yesterday"), "");
    assert_refused(
        &response,
        StatusCode::BAD_REQUEST,
        "bad_request",
        "before is \"yesterday\", must be a time",
    );
    let response = bed.operate(Method::GET, &format!("{JOBS}?product=a/b"), "");
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "product \"a/b\"");
}

#[test]
fn a_page_ends_between_two_moments_so_that_no_job_is_passed_over() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let old = bed.add_job("push", json!({}));
    bed.pass(1);
    let mut same: Vec<String> = (0..3).map(|_| bed.add_job("push", json!({}))).collect();
    same.sort();
    bed.pass(1);
    let new = bed.add_job("push", json!({}));
    let mut paged = Vec::new();
    let mut before = i64::MAX;
    for (limit, expected) in [(3, vec![new]), (3, same), (1, vec![old])] {
        let page = bed.show(&format!("{JOBS}?limit={limit}&before={before}"));
        let mut ids: Vec<String> = page["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|job| job["job"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        assert_eq!(ids, expected);
        paged.extend(ids);
        before = page["next"].as_i64().unwrap_or(0);
    }
    assert_eq!((paged.len(), before), (5, 0));
}
