//! `/api/v1/jobs/{job}`: stop, pause, resume, amend, delete.

use http::{Method, StatusCode};
use ota_platform::Response;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused, assert_takes_no_nonsense, patch};

fn act(bed: &Testbed, job: &str, what: &str, body: &str) -> Response {
    bed.operate(Method::POST, &format!("/api/v1/jobs/{job}/{what}"), body)
}

fn state(response: &Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK, "{}", json(response));
    json(response)["state"].clone()
}

#[test]
fn stopping_may_be_repeated_and_made_hard() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    for (body, hard) in [("", false), ("{}", false), (r#"{"hard":false}"#, false), (r#"{"hard":true}"#, true)]
    {
        for _ in 0..2 {
            let response = act(&bed, &job, "stop", body);
            assert_eq!((state(&response), &json(&response)["hard"]), (json!("stopped"), &json!(hard)));
        }
    }
    assert_eq!(bed.events().iter().filter(|kind| *kind == "stopped").count(), 1);
    assert_eq!(bed.events().iter().filter(|kind| *kind == "stopped hard").count(), 1);
    for (body, says) in [
        ("{\"hard\":1}", "hard: invalid type"),
        ("{\"soft\":true}", "unknown field `soft`"),
        ("true", "the body is not as expected"),
        (" ", "the body is not as expected"),
    ] {
        assert_refused(&act(&bed, &job, "stop", body), StatusCode::BAD_REQUEST, "bad_request", says);
    }
}

#[test]
fn a_job_pauses_and_resumes_and_devices_that_ask_are_told_at_once() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("request", json!({}));
    let offers = || bed.device("d0").getversion().reply["data"].as_array().unwrap().len();
    assert_eq!(offers(), 1);
    for _ in 0..2 {
        assert_eq!(state(&act(&bed, &job, "pause", "")), "paused");
        assert_eq!(offers(), 0);
    }
    for _ in 0..2 {
        assert_eq!(state(&act(&bed, &job, "resume", "")), "running");
        assert_eq!(offers(), 1);
    }
    assert_eq!(state(&act(&bed, &job, "stop", r#"{"hard":true}"#)), "stopped");
    let resumed = act(&bed, &job, "resume", "");
    assert_eq!((state(&resumed), &json(&resumed)["hard"]), (json!("running"), &json!(false)));
    assert_eq!(offers(), 1);
}

#[test]
fn what_cannot_resume_says_why() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({"loss_budget": 1, "growth": 0}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    bed.device("d0").progress(-4);
    let held = bed.job(&job);
    assert_eq!((&held["state"], &held["lost"]), (&json!("held"), &json!(1)));
    assert_eq!(held["held_because"], "loss budget spent: 1 exposed of 1");
    let says = "the job would hold again at once: loss budget spent: 1 exposed of 1";
    assert_refused(&act(&bed, &job, "resume", ""), StatusCode::CONFLICT, "would_hold", says);
    assert_eq!(
        patch(&bed, &format!("/api/v1/jobs/{job}"), &json!({"loss_budget": 2})).status(),
        StatusCode::OK
    );
    assert_eq!(held["forgiven"], json!({"lost": 0, "succeeded": 0}));
    let resumed = act(&bed, &job, "resume", "");
    assert_eq!(
        (state(&resumed), &json(&resumed)["forgiven"]),
        (json!("running"), &json!({"lost": 1, "succeeded": 0}))
    );
    bed.sql.alter("UPDATE firmware SET quarantined_at = 1");
    act(&bed, &job, "pause", "");
    assert_refused(&act(&bed, &job, "resume", ""), StatusCode::CONFLICT, "quarantined", "quarantined");
    bed.sql.alter("UPDATE firmware SET quarantined_at = NULL");
    bed.sql.alter("UPDATE job SET state = 'done'");
    let says = "the job is done, only one that is held, paused or stopped resumes";
    assert_refused(&act(&bed, &job, "resume", ""), StatusCode::CONFLICT, "job_state", says);
    let response = patch(&bed, &format!("/api/v1/jobs/{job}"), &json!({"growth": 1}));
    assert_refused(
        &response,
        StatusCode::CONFLICT,
        "job_state",
        "the job is done, its terms no longer matter",
    );
}

#[test]
fn terms_that_are_named_change_and_the_others_stay() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({"loss_budget": 3, "retry": {"attempts": 2, "backoff": 30}}));
    let path = format!("/api/v1/jobs/{job}");
    let mut expected = bed.job(&job);
    for (field, value) in [
        ("loss_budget", json!(4)),
        ("growth", json!(1000)),
        ("max_failure_rate", json!(0.1)),
        ("max_in_flight", json!(2)),
        ("per_minute", json!(60)),
        ("first_sign_within", json!(1)),
        ("upgrade_timeout", json!(2)),
        ("confirm_within", json!(3)),
        ("reachable_within", json!(4)),
    ] {
        let response = patch(&bed, &path, &json!({field: value}));
        expected[field] = value;
        if field == "loss_budget" {
            expected["bound"] = json!(4);
        }
        assert_eq!((response.status(), json(&response)), (StatusCode::OK, expected.clone()), "{field}");
    }
    let response = patch(&bed, &path, &json!({"retry": {"reasons": ["ignored"]}}));
    expected["retry"]["reasons"] = json!(["ignored"]);
    assert_eq!(json(&response), expected, "attempts and backoff stay");
    assert_eq!(bed.job(&job), expected);
    let amended = bed.events().iter().filter(|kind| *kind == "amended").count();
    for nothing in [json!({}), json!({"growth": 1000, "retry": null})] {
        assert_eq!(json(&patch(&bed, &path, &nothing)), expected);
    }
    assert_eq!(bed.events().iter().filter(|kind| *kind == "amended").count(), amended);
}

#[test]
fn terms_out_of_range_and_what_is_no_term_change_nothing() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let path = format!("/api/v1/jobs/{job}");
    let before = bed.job(&job);
    for (body, says) in [
        (json!({"loss_budget": 0}), "loss_budget is 0, must be 1 to 1000000"),
        (json!({"growth": 1001}), "growth is 1001, must be 0 to 1000"),
        (json!({"max_failure_rate": 0}), "max_failure_rate is 0, must be 0.1 to 100"),
        (json!({"retry": {"attempts": 11}}), "retry.attempts is 11, must be 1 to 10"),
        (json!({"upgrade_timeout": 172_801}), "upgrade_timeout is 172801, must be 1 to 172800"),
        (json!({"max_in_flight": "5"}), "max_in_flight: invalid type"),
        (json!({"devices": ["d0"]}), "unknown field `devices`"),
        (json!({"windows": []}), "unknown field `windows`"),
        (json!({"state": "running"}), "unknown field `state`"),
    ] {
        assert_refused(&patch(&bed, &path, &body), StatusCode::BAD_REQUEST, "bad_request", says);
    }
    assert_eq!(bed.job(&job), before);
    let empty = bed.operate(Method::PATCH, &path, "");
    assert_refused(&empty, StatusCode::BAD_REQUEST, "bad_request", "the body is not as expected");
    assert_takes_no_nonsense(&bed, &format!("{path}/tasks/cancel"));
}

#[test]
fn a_job_is_deleted_once_it_is_stopped_and_nobody_is_at_work() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({}));
    let path = format!("/api/v1/jobs/{job}");
    let delete = || bed.operate(Method::DELETE, &path, "");
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    let says = "the job is running, stop it before deleting it";
    assert_refused(&delete(), StatusCode::CONFLICT, "job_state", says);
    bed.stop(&job);
    assert_refused(&delete(), StatusCode::CONFLICT, "at_work", "1 devices are at work");
    bed.device("d0").progress(-1);
    let deleted = delete();
    assert_eq!((deleted.status(), deleted.body().len()), (StatusCode::NO_CONTENT, 0));
    assert_refused(&delete(), StatusCode::NOT_FOUND, "not_found", "there is no job");
    assert_refused(
        &bed.operate(Method::GET, &path, ""),
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no job",
    );
    assert_eq!(bed.show("/api/v1/jobs")["jobs"], json!([]));
    assert!(bed.events().contains(&"job_deleted".to_owned()), "its history stays");
    let again = json!({"product": "pk", "to": "2"});
    let response = crate::post(&bed, "/api/v1/jobs", &again);
    assert_refused(
        &response,
        StatusCode::CONFLICT,
        "exposed_elsewhere",
        "has exposed 1 devices in other jobs",
    );
}

#[test]
fn what_is_done_to_a_job_is_one_short_transaction_and_two_reads_to_show_it() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let path = format!("/api/v1/jobs/{job}");
    let count = |method: Method, path: &str, body: &str| {
        let before = (bed.sql.count(), bed.kv.count());
        assert!(bed.operate(method, path, body).status().is_success(), "{path}");
        (bed.sql.count() - before.0, bed.kv.count() - before.1)
    };
    // BEGIN, the lock of the job, the change, the job, its event, COMMIT; and what the job names.
    assert_eq!(count(Method::POST, &format!("{path}/pause"), ""), (8, 1));
    assert_eq!(count(Method::POST, &format!("{path}/pause"), ""), (7, 1), "no event where nothing changes");
    for (method, what, body) in [
        (Method::POST, "/resume", ""),
        (Method::PATCH, "", r#"{"loss_budget":7}"#),
        (Method::POST, "/stop", r#"{"hard":true}"#),
        (Method::DELETE, "", ""),
    ] {
        let (statements, keys) = count(method, &format!("{path}{what}"), body);
        assert!(statements <= 12 && keys == 1, "{what}: {statements} statements, {keys} keys");
    }
}
