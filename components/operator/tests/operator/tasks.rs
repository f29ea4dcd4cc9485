//! `/api/v1/jobs/{job}/tasks`: by state, canceled, retried.

use http::{Method, StatusCode};
use ota_platform::Response;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, post, strings};

fn change(bed: &Testbed, job: &str, what: &str, body: &Value) -> Response {
    post(bed, &format!("/api/v1/jobs/{job}/tasks/{what}"), body)
}

fn whys(response: &Response) -> Vec<(String, String)> {
    let told = json(response);
    let refused = told["refused"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    refused.map(|refused| (text(&refused["device"]), text(&refused["why"]))).collect()
}

fn pair(device: &str, why: &str) -> (String, String) {
    (device.to_owned(), why.to_owned())
}

#[test]
fn tasks_are_canceled_and_retried_one_by_one_and_the_answer_says_which() {
    let bed = Testbed::with_fleet(4, IMAGE);
    let job = bed.add_job("push", json!({"devices": ["d0", "d1", "d2"], "loss_budget": 100}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.device("d0").progress(-4);
    bed.device("d1").inform("1");
    let response = change(&bed, &job, "cancel", &json!({"devices": ["d2", "d1", "d0", "d1", "d3"]}));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(strings(&json(&response)["changed"]), ["d1", "d2"]);
    let ended = "the task of device d0 is failed, only one that waits or is at work is canceled";
    assert_eq!(whys(&response), [pair("d0", ended), pair("d3", "device d3 is not in the job")]);
    assert_eq!(bed.task(&job, "d1")["state"], "canceled");
    let response = change(&bed, &job, "retry", &json!({"devices": ["d0", "d2", "d9"]}));
    assert_eq!(strings(&json(&response)["changed"]), ["d0", "d2"]);
    assert_eq!(whys(&response), [pair("d9", "device d9 is not in the job")]);
    let shown = bed.job(&job);
    assert_eq!(
        (&shown["state"], &shown["retrying"], &shown["exposed"]),
        (&json!("running"), &json!(1), &json!(1))
    );
    bed.stop(&job);
    let response = change(&bed, &job, "retry", &json!({"devices": ["d1"]}));
    assert_eq!(whys(&response), [pair("d1", "the job is stopped, resume it before retrying a task")]);
}

#[test]
fn whose_tasks_are_meant_is_checked() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let many: Vec<String> = (0..1001).map(|n| format!("d{n}")).collect();
    for what in ["cancel", "retry"] {
        for (body, says) in [
            (json!({}), "missing field `devices`"),
            (json!({"devices": []}), "devices has 0 entries, must have 1 to 1000"),
            (json!({"devices": many}), "devices has 1001 entries, must have 1 to 1000"),
            (json!({"devices": "d0"}), "devices: invalid type"),
            (json!({"devices": ["d0", 1]}), "devices[1]: invalid type"),
            (json!({"devices": ["a/b"]}), "device \"a/b\": device key contains '/'"),
            (json!({"devices": ["d0"], "all": true}), "unknown field `all`"),
        ] {
            let response = change(&bed, &job, what, &body);
            assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
        }
    }
    assert_eq!(bed.task(&job, "d0")["state"], "waiting");
}

#[test]
fn tasks_are_listed_by_state() {
    let bed = Testbed::with_fleet(3, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.device("d1").inform("1");
    let path = format!("/api/v1/jobs/{job}/tasks");
    let listed = |state: &str| -> Vec<Value> {
        let shown = bed.show(&format!("{path}?state={state}"));
        shown["tasks"].as_array().unwrap().iter().map(|task| task["device"].clone()).collect()
    };
    assert_eq!(listed("granted"), [json!("d1")]);
    assert_eq!(listed("waiting"), [json!("d0"), json!("d2")]);
    assert!(listed("timed_out").is_empty());
    for state in ["Granted", "running", "%27", "a%00"] {
        let response = bed.operate(Method::GET, &format!("{path}?state={state}"), "");
        assert_refused(
            &response,
            StatusCode::BAD_REQUEST,
            "bad_request",
            "must be one of waiting, granted, ",
        );
    }
}
