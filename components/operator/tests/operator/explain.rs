//! `…/explain`: of a device, and of a device in a job.

use http::{Method, StatusCode};
use ota_testbed::{START, Testbed};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused};

const D0: &str = "/api/v1/products/pk/devices/d0";

fn of(bed: &Testbed, job: &str, device: &str) -> Value {
    let shown = bed.show(&format!("/api/v1/jobs/{job}/explain/{device}"));
    assert_eq!(shown["device"]["device"], device);
    assert_eq!(shown["jobs"].as_array().unwrap().len(), 1);
    shown["jobs"][0].clone()
}

#[test]
fn a_device_is_explained_in_each_of_its_jobs_and_in_those_that_do_not_have_it() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let paused = bed.add_job("push", json!({}));
    bed.operate(Method::POST, &format!("/api/v1/jobs/{paused}/pause"), "");
    bed.pass(1);
    let other = bed.add_job("push", json!({"devices": ["d1"]}));
    bed.pass(1);
    let later = bed.add_job("push", json!({"starts_at": START + 60_000}));
    let shown = bed.show(&format!("{D0}/explain"));
    let mut device = bed.show(D0);
    device.as_object_mut().unwrap().remove("tasks").unwrap();
    assert_eq!(shown["device"], device);
    assert_eq!(
        shown["jobs"],
        json!([
            {
                "job": later, "to": "2", "next": "2", "verdict": "waits",
                "why": ["the job opens at 2027-01-15T08:01:00Z"], "until": START + 60_000,
            },
            {
                "job": paused, "to": "2", "next": "2", "verdict": "waits", "why": ["the job is paused"],
                "until": null,
            },
            {
                "job": other, "to": "2", "next": null, "verdict": "not in the job",
                "why": ["it is not among the 1 devices that the job names"], "until": null,
            },
        ])
    );
    for explained in shown["jobs"].as_array().unwrap() {
        assert_eq!(of(&bed, explained["job"].as_str().unwrap(), "d0"), *explained);
    }
}

#[test]
fn what_is_explained_is_what_happens() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({"loss_budget": 1, "growth": 0}));
    assert_eq!(of(&bed, &job, "d0")["verdict"], "granted now");
    assert!(bed.device("d0").inform("1").command.is_some());
    assert_eq!(of(&bed, &job, "d0")["verdict"], "at work");
    let waits = of(&bed, &job, "d1");
    assert_eq!(waits["why"], json!(["the loss budget has no slot: 1 exposed of 1"]));
    assert!(bed.device("d1").inform("1").command.is_none());
    bed.device("d0").progress(10);
    bed.device("d0").inform("2");
    assert_eq!(of(&bed, &job, "d0")["verdict"], "ended");
    assert_eq!(of(&bed, &job, "d1")["verdict"], "granted now");
    assert!(bed.device("d1").inform("1").command.is_some());
}

#[test]
fn what_is_not_there_is_404_and_a_key_that_is_none_400() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    for (path, status) in [
        ("/api/v1/products/pk/devices/d9/explain".to_owned(), StatusCode::NOT_FOUND),
        ("/api/v1/products/other/devices/d0/explain".to_owned(), StatusCode::NOT_FOUND),
        (format!("/api/v1/jobs/{job}/explain/d9"), StatusCode::NOT_FOUND),
        ("/api/v1/jobs/0123456789ab/explain/d0".to_owned(), StatusCode::NOT_FOUND),
        (format!("/api/v1/jobs/{job}/explain"), StatusCode::NOT_FOUND),
        (format!("/api/v1/jobs/{job}/explain/a%20b"), StatusCode::BAD_REQUEST),
        (format!("/api/v1/jobs/{job}/explain/a%2Fb"), StatusCode::BAD_REQUEST),
        ("/api/v1/products/pk/devices/a%00/explain".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let code = if status == StatusCode::NOT_FOUND { "not_found" } else { "bad_request" };
        assert_refused(&bed.operate(Method::GET, &path, ""), status, code, "");
    }
    let post = bed.operate(Method::POST, &format!("{D0}/explain"), "");
    assert_refused(&post, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this takes GET");
}

#[test]
fn an_explanation_is_a_few_reads() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let count = |path: &str| {
        let before = (bed.sql.count(), bed.kv.count());
        bed.show(path);
        (bed.sql.count() - before.0, bed.kv.count() - before.1)
    };
    assert_eq!(count(&format!("{D0}/explain")), (4, 0));
    assert_eq!(count(&format!("/api/v1/jobs/{job}/explain/d0")), (3, 0));
    assert_eq!(count(&format!("/api/v1/jobs/{job}")), (3, 0), "the job, what it names, its stages");
    assert_eq!(count("/api/v1/jobs"), (1, 0), "and nothing for each of them");
    assert_eq!(count("/api/v1/products/pk/firmware"), (3, 0));
    assert_eq!(count("/api/v1/products/pk/devices"), (3, 0));
}
