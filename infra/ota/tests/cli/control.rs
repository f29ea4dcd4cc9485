//! What people do to a job and its tasks.

use serde_json::{Value, json};

use crate::program::{run, words};
use crate::record::job;
use crate::script::Script;

#[test]
fn stop_posts_and_says_who_may_still_finish() {
    let gateway = Script::once(&job("stopped", &json!({ "in_flight": 1, "exposed": 1 })));
    let outcome = run(&gateway.url, &words("job stop 7"));
    assert!(outcome.stderr.contains("1 device had begun and may finish"), "{}", outcome.stderr);
    let asked = gateway.asked_once();
    assert_eq!((asked.line.as_str(), asked.json()), ("POST /api/v1/jobs/7/stop", json!({})));
}

#[test]
fn a_hard_stop_says_so() {
    let stopped = json!({ "in_flight": 2, "exposed": 2, "hard": true });
    let gateway = Script::once(&job("stopped", &stopped));
    let outcome = run(&gateway.url, &words("job stop 7 --hard"));
    assert!(outcome.stderr.contains("downloads are cut"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("state    stopped hard: downloads are cut\n"), "{}", outcome.stdout);
    assert_eq!(gateway.asked_once().json(), json!({ "hard": true }));
}

#[test]
fn pause_and_resume_show_the_job_as_it_is_then() {
    for (verb, state) in [("pause", "paused"), ("resume", "running")] {
        let gateway = Script::once(&job(state, &json!({})));
        let stdout = run(&gateway.url, &words(&format!("job {verb} 7"))).succeeded();
        assert!(stdout.contains(&format!("state    {state}\n")), "{stdout}");
        assert_eq!(gateway.asked_once().line, format!("POST /api/v1/jobs/7/{verb}"));
    }
}

#[test]
fn amend_sends_the_terms_that_change_and_no_other() {
    let gateway = Script::once(&job("running", &json!({ "loss_budget": 20, "bound": 20 })));
    run(&gateway.url, &words("job amend 7 --loss-budget 20 --max-failure-rate 10 --retry 2")).succeeded();
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "PATCH /api/v1/jobs/7");
    let expected = json!({ "loss_budget": 20, "max_failure_rate": 10, "retry": { "attempts": 2 } });
    assert_eq!(asked.json(), expected);
}

#[test]
fn amend_of_a_job_that_holds_says_that_it_still_does() {
    let gateway = Script::once(&job("held", &json!({ "loss_budget": 20 })));
    let outcome = run(&gateway.url, &words("job amend 7 --loss-budget 20"));
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.stderr, "the job is still held: `ota job resume 7` lets it go on\n");
}

#[test]
fn a_refusal_names_the_command_that_helps() {
    let body = json!({ "error": { "code": "would_hold", "message": "the job would hold again at once: …",
        "hint": "raise loss_budget or max_failure_rate with PATCH /api/v1/jobs/{job}, or let it be" } });
    let gateway = Script::new(vec![(409, body.to_string())]);
    let stderr = run(&gateway.url, &words("job resume 7")).failed(1);
    let hint = "hint: raise --loss-budget or --max-failure-rate with `ota job amend`, or let it be\n";
    assert!(stderr.ends_with(hint), "{stderr}");
}

#[test]
fn amend_without_a_term_calls_nobody() {
    let stderr = run("http://127.0.0.1:9", &words("job amend 7")).failed(2);
    assert!(stderr.starts_with("error: nothing to amend\nhint: "), "{stderr}");
}

#[test]
fn delete_names_the_job_that_is_gone() {
    let gateway = Script::new(vec![(204, String::new()), (204, String::new())]);
    assert_eq!(run(&gateway.url, &words("job delete 7")).succeeded(), "deleted  7\n");
    let json = run(&gateway.url, &words("job delete 7 --json")).succeeded();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({ "job": "7", "deleted": true }));
    assert_eq!(gateway.asked()[0].line, "DELETE /api/v1/jobs/7");
}

#[test]
fn cancel_names_who_stays_and_fails_for_them() {
    let answer =
        json!({ "changed": ["a"], "refused": [{ "device": "b", "why": "device b is not in the job" }] });
    let gateway = Script::once(&answer.to_string());
    let outcome = run(&gateway.url, &words("job cancel 7 a b"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, "1 device canceled\n"));
    assert!(
        outcome.stderr.starts_with("device b is not in the job\nerror: 1 of 2 tasks stayed"),
        "{}",
        outcome.stderr
    );
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/jobs/7/tasks/cancel");
    assert_eq!(asked.json(), json!({ "devices": ["a", "b"] }));
}

#[test]
fn retry_of_the_failed_walks_them_and_tells_a_thousand_a_call() {
    let task = |n: u32, state: &str| {
        json!({ "task": n.to_string(), "device": format!("d-{n:04}"), "state": state, "step": null,
            "reason": null, "detail": null, "attempt": 1, "from": null, "exposed": true })
    };
    let failed: Vec<Value> = (0..1000).map(|n| task(n, "failed")).collect();
    let changed = |devices: &[&str]| (200, json!({ "changed": devices, "refused": [] }).to_string());
    let gateway = Script::new(vec![
        (200, json!({ "tasks": failed, "next": null }).to_string()),
        (200, json!({ "tasks": [task(1000, "timed_out")], "next": null }).to_string()),
        changed(&["d-0000"]),
        changed(&["d-1000"]),
    ]);
    let stdout = run(&gateway.url, &words("job retry 7 --failed --json")).succeeded();
    assert_eq!(
        serde_json::from_str::<Value>(&stdout).unwrap(),
        json!({ "changed": ["d-0000", "d-1000"], "refused": [] })
    );
    let asked = gateway.asked();
    assert_eq!(asked[0].line, "GET /api/v1/jobs/7/tasks?state=failed&limit=1000");
    assert_eq!(asked[1].line, "GET /api/v1/jobs/7/tasks?state=timed_out&limit=1000");
    assert_eq!(asked[2].line, "POST /api/v1/jobs/7/tasks/retry");
    assert_eq!(asked[2].json()["devices"].as_array().map(Vec::len), Some(1000));
    assert_eq!(asked[3].json(), json!({ "devices": ["d-1000"] }));
}

#[test]
fn retry_names_devices_or_the_failed() {
    for line in ["job retry 7", "job retry 7 a --failed", "job cancel 7"] {
        run("http://127.0.0.1:9", &words(line)).failed(2);
    }
}
