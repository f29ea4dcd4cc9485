//! `ota job`.

use serde_json::{Value, json};

use crate::program::{run, words};
use crate::script::Script;

/// A job of 20 devices in this state.
fn job(state: &str, counts: &Value) -> String {
    let mut job = json!({
        "job": "7", "product": "demo", "to": "2.0", "mode": "push", "state": state, "held_because": null,
        "devices": 20, "waiting": 0, "in_flight": 0, "succeeded": 0, "failed": 0, "timed_out": 0,
        "canceled": 0, "skipped": 0, "exposed": 0, "begun": 0, "loss_budget": 10, "growth": 100,
        "bound": 10, "max_in_flight": 300, "first_sign_within": 300, "upgrade_timeout": 7200,
        "confirm_within": 60, "reachable_within": 600, "created_at": 0
    });
    let counts = counts.as_object().unwrap().clone();
    job.as_object_mut().unwrap().extend(counts);
    job.to_string()
}

#[test]
fn create_sends_only_what_was_asked_for() {
    let gateway = Script::new(vec![(201, job("running", &json!({})))]);
    let stdout = run(&gateway.url, &words("job create --product demo --to 2.0 --json")).succeeded();
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["job"], "7");
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/jobs");
    assert_eq!(asked.json(), json!({ "product": "demo", "to": "2.0", "mode": "push" }));
}

#[test]
fn create_sends_every_term() {
    let gateway = Script::new(vec![(201, job("running", &json!({})))]);
    let line = "job create --product demo --to 2.0 --from 1.0 --from 1.1 --mode request \
                --loss-budget 3 --growth 0 --max-in-flight 4 --first-sign-within 5 --upgrade-timeout 6 \
                --confirm-within 7";
    run(&gateway.url, &words(line)).succeeded();
    let expected = json!({
        "product": "demo", "to": "2.0", "mode": "request", "from": ["1.0", "1.1"],
        "loss_budget": 3, "growth": 0, "max_in_flight": 4, "first_sign_within": 5, "upgrade_timeout": 6,
        "confirm_within": 7
    });
    assert_eq!(gateway.asked_once().json(), expected);
}

#[test]
fn create_names_its_devices_or_their_versions_and_not_both() {
    let gateway = Script::new(vec![(201, job("running", &json!({})))]);
    let both = run(&gateway.url, &words("job create --product demo --to 2.0 --devices a --from 1.0"));
    assert_eq!(both.code, 2);
    run(&gateway.url, &words("job create --product demo --to 2.0 --devices a,b")).succeeded();
    let asked = gateway.asked_once().json();
    assert_eq!((&asked["devices"], asked.get("from")), (&json!(["a", "b"]), None));
}

#[test]
fn show_reads_as_a_sentence_a_line() {
    let counts =
        json!({ "succeeded": 12, "in_flight": 5, "failed": 2, "waiting": 1, "exposed": 7, "bound": 11 });
    let gateway = Script::once(&job("running", &counts));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    assert_eq!(
        stdout,
        "job      7: demo to 2.0, by push\n\
         state    running\n\
         devices  20: 12 succeeded, 5 in flight, 1 waiting, 2 failed\n\
         budget   exposed 7 of 11 (10, and one more for every 10 that came back), 2 lost\n\
         limits   300 devices at once; first sign within 5 min, done within 2 h, old version confirmed after 1 min\n"
    );
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs/7");
}

#[test]
fn watch_follows_until_the_job_is_done() {
    let running = json!({ "in_flight": 20, "exposed": 10 });
    let done = json!({ "succeeded": 20, "bound": 12 });
    let gateway = Script::new(vec![(200, job("running", &running)), (200, job("done", &done))]);
    let outcome = run(&gateway.url, &words("job watch 7 --json"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(serde_json::from_str::<Value>(&outcome.stdout).unwrap()["succeeded"], 20);
    assert_eq!(
        outcome.stderr,
        "0 of 20 done, 0 succeeded, 20 in flight, 0 lost, exposed 10 of 10\n\
         20 of 20 done, 20 succeeded, 0 in flight, 0 lost, exposed 0 of 12\n"
    );
    assert_eq!(gateway.asked().len(), 2);
}

#[test]
fn watch_of_a_job_with_losses_exits_4_and_says_where_to_look() {
    let done = json!({ "succeeded": 18, "failed": 1, "timed_out": 1, "exposed": 2, "bound": 11 });
    let gateway = Script::once(&job("done", &done));
    let outcome = run(&gateway.url, &words("job watch 7"));
    assert_eq!(outcome.code, 4);
    assert!(outcome.stdout.contains("exposed 2 of 11"), "{}", outcome.stdout);
    assert!(outcome.stderr.ends_with("hint: `ota job tasks 7` says why, device by device\n"));
}

#[test]
fn watch_of_a_stopped_job_waits_for_those_that_had_begun() {
    let begun = json!({ "in_flight": 1, "exposed": 1 });
    let gateway = Script::new(vec![
        (200, job("stopped", &begun)),
        (200, job("stopped", &begun)),
        (200, job("stopped", &json!({ "succeeded": 1 }))),
    ]);
    assert_eq!(run(&gateway.url, &words("job watch 7")).code, 4);
    assert_eq!(gateway.asked().len(), 3);
}

#[test]
fn a_held_job_says_why() {
    let held = json!({ "held_because": "the loss budget is spent", "failed": 10, "exposed": 10 });
    let gateway = Script::once(&job("held", &held));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    assert!(stdout.contains("state    held: the loss budget is spent\n"), "{stdout}");
}

#[test]
fn stop_posts_and_says_who_may_still_finish() {
    let gateway = Script::once(&job("stopped", &json!({ "in_flight": 1, "exposed": 1 })));
    let outcome = run(&gateway.url, &words("job stop 7"));
    assert!(outcome.stderr.contains("1 device had begun and may finish"), "{}", outcome.stderr);
    assert_eq!(gateway.asked_once().line, "POST /api/v1/jobs/7/stop");
}

#[test]
fn list_shows_what_each_job_has_spent() {
    let running = job("running", &json!({ "in_flight": 3, "exposed": 4 }));
    let gateway = Script::once(&format!(r#"{{"jobs":[{running}]}}"#));
    let stdout = run(&gateway.url, &words("job list --product demo")).succeeded();
    assert!(stdout.lines().nth(1).is_some_and(|line| line.ends_with("exposed 4 of 10")), "{stdout}");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs?limit=1000&product=demo");
}

#[test]
fn tasks_say_why_each_device_was_lost() {
    let gateway = Script::once(
        r#"{"tasks":[{"task":"1","product":"demo","device":"d-1","state":"failed","step":-3,
            "reason":"verification_failed","detail":"sha256 differs","attempt":1,"from":"1.0",
            "exposed":true}],"next":null}"#,
    );
    let stdout = run(&gateway.url, &words("job tasks 7")).succeeded();
    let row = stdout.lines().nth(1).unwrap();
    assert!(row.starts_with("d-1 ") && row.ends_with("verification failed: sha256 differs"), "{row}");
}
