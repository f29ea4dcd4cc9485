//! `ota job watch`: what it shows, when it ends, and how it exits.

use serde_json::{Value, json};

use crate::program::{run, words};
use crate::record::{LATER, job};
use crate::script::Script;

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
fn watch_says_what_a_job_waits_for() {
    let closed = json!({ "opens_at": LATER.0 });
    let staged = json!({ "retrying": 2, "waiting": 15, "stage": { "open": 1, "last": 2, "members": 4,
        "succeeded": 4, "ended": 4, "passed_at": 0 } });
    let gateway = Script::new(vec![
        (200, job("preparing", &json!({}))),
        (200, job("running", &closed)),
        (200, job("running", &staged)),
        (200, job("done", &json!({}))),
    ]);
    let outcome = run(&gateway.url, &words("job watch 7"));
    let ends: Vec<&str> = outcome
        .stderr
        .lines()
        .filter_map(|line| line.split_once("exposed 0 of 10"))
        .map(|(_, end)| end)
        .collect();
    assert_eq!(
        ends,
        [
            "; preparing: its tasks are being made",
            "; closed until 2100-01-01T00:00:00Z",
            "; stage 1 of 0 to 2: 4 of 4 succeeded, soaking; 2 waiting to be tried again",
            ""
        ]
    );
    gateway.asked();
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
fn watch_ends_when_the_job_holds_and_says_why() {
    let why = "gate: 5 of 14 lost, at most 5 % may be";
    let held = json!({ "held_because": why, "succeeded": 9, "failed": 5, "exposed": 5, "waiting": 6 });
    let gateway = Script::once(&job("held", &held));
    let outcome = run(&gateway.url, &words("job watch 7"));
    assert_eq!(outcome.code, 4);
    let message =
        format!("error: job 7 is held ({why}) with 9 of 20 on 2.0: 5 failed, 0 timed out, 5 lost\n");
    assert!(outcome.stderr.contains(&message), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("; `ota job resume 7` lets it go on\n"), "{}", outcome.stderr);
}

#[test]
fn watch_of_a_stopped_or_paused_job_waits_for_those_that_had_begun() {
    for state in ["stopped", "paused", "held"] {
        let begun = json!({ "in_flight": 1, "exposed": 1 });
        let gateway = Script::new(vec![
            (200, job(state, &begun)),
            (200, job(state, &begun)),
            (200, job(state, &json!({ "succeeded": 1 }))),
        ]);
        assert_eq!(run(&gateway.url, &words("job watch 7")).code, 4);
        assert_eq!(gateway.asked().len(), 3);
    }
}
