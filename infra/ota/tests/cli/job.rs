//! `ota job`: created, shown, listed.

use std::fs;

use serde_json::{Value, json};

use crate::program::{run, words};
use crate::record::{LATER, job};
use crate::script::Script;

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
fn create_sends_the_key_that_makes_it_one_job() {
    let gateway = Script::new(vec![(200, job("running", &json!({})))]);
    run(&gateway.url, &words("job create --product demo --to 2.0 --key run-17")).succeeded();
    assert_eq!(gateway.asked_once().headers["idempotency-key"], "run-17");
}

#[test]
fn create_sends_every_term() {
    let gateway = Script::new(vec![(201, job("running", &json!({})))]);
    let line = "job create --product demo --to 2.0 --mode request --loss-budget 3 --growth 0 \
                --max-failure-rate 2.5 --max-in-flight 4 --per-minute 60 --retry 3 --backoff 1m \
                --retry-on download_failed,timed_out --first-sign-within 5 --upgrade-timeout 6m \
                --confirm-within 7s --reachable-within 2h";
    run(&gateway.url, &words(line)).succeeded();
    let expected = json!({
        "product": "demo", "to": "2.0", "mode": "request", "loss_budget": 3, "growth": 0,
        "max_failure_rate": 2.5, "max_in_flight": 4, "per_minute": 60,
        "retry": { "attempts": 3, "backoff": 60, "reasons": ["download_failed", "timed_out"] },
        "first_sign_within": 5, "upgrade_timeout": 360, "confirm_within": 7, "reachable_within": 7200
    });
    assert_eq!(gateway.asked_once().json(), expected);
}

#[test]
fn create_sends_scope_stages_and_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, "# site a\nc\n\nd\n").unwrap();
    let gateway = Script::new(vec![(201, job("preparing", &json!({})))]);
    let file = file.to_str().unwrap();
    let line = format!(
        "job create --product demo --to 2.0 --verify --incremental --downgrade --exposed 4 \
         --from 1.0 --from 1.1 --tag site:a,site:b --devices a,b --devices-file {file} --exclude x \
         --canary a --canary-soak 10m --stage 5:3600 --stage 25.5:1h:90 \
         --starts-at 2100-01-01T00:00:00Z --window 22:00-04:00 --window 12:00-13:00 --zone Europe/Berlin"
    );
    run(&gateway.url, &words(&line)).succeeded();
    let expected = json!({
        "product": "demo", "to": "2.0", "kind": "verify", "mode": "push", "policy": "incremental",
        "downgrade": true, "exposed": 4, "from": ["1.0", "1.1"], "tags": ["site:a", "site:b"],
        "devices": ["a", "b", "c", "d"], "exclude": ["x"], "canary": ["a"], "canary_soak": 600,
        "stages": [
            { "share": 5, "soak": 3600 },
            { "share": 25.5, "soak": 3600, "pass": 90 },
            { "share": 100, "soak": 0 }
        ],
        "starts_at": LATER.0, "zone": "Europe/Berlin", "windows": ["22:00-04:00", "12:00-13:00"]
    });
    assert_eq!(gateway.asked_once().json(), expected);
}

#[test]
fn a_file_without_devices_is_not_taken_for_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, absent) = (folder.path().join("empty"), folder.path().join("absent"));
    fs::write(&empty, "# none yet\n").unwrap();
    for (file, code) in [(empty, 2), (absent, 5)] {
        let line = format!("job create --product demo --to 2.0 --devices-file {}", file.display());
        let stderr = run("http://127.0.0.1:9", &words(&line)).failed(code);
        assert!(stderr.contains(file.to_str().unwrap()), "{stderr}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_before_anyone_is_called() {
    for options in [
        "--max-failure-rate 0",
        "--max-failure-rate 2.55",
        "--stage 0:1h",
        "--stage 5:1h:90:1",
        "--window 22:00-04:00",
        "--zone UTC",
        "--starts-at tomorrow",
        "--backoff 1w",
        "--canary-soak 5m",
        "--devices a/b",
    ] {
        let line = format!("job create --product demo --to 2.0 {options}");
        run("http://127.0.0.1:9", &words(&line)).failed(2);
    }
}

#[test]
fn show_reads_as_a_sentence_a_line() {
    let fields =
        json!({ "succeeded": 12, "in_flight": 5, "failed": 2, "waiting": 1, "exposed": 7, "bound": 11 });
    let gateway = Script::once(&job("running", &fields));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[1].starts_with("created  1970-01-01T00:00:00Z, "), "{stdout}");
    assert_eq!(
        [&lines[..1], &lines[2..]].concat(),
        [
            "job      7: demo to 2.0, by push",
            "state    running",
            "devices  20: 12 succeeded, 5 in flight, 1 waiting, 2 failed",
            "budget   exposed 7 of 11 (10, and one more for every 10 that came back), 2 lost",
            "gate     2 lost of 14 that finished; holds once losses since its start or resume prove a rate above 5 %",
            "limits   300 devices at once; first sign within 5 min, done within 2 h, \
             old version confirmed after 1 min",
        ]
    );
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs/7");
}

#[test]
fn show_tells_what_a_job_with_everything_waits_for() {
    let fields = json!({
        "kind": "verify", "policy": "incremental", "downgrade": true, "waiting": 3, "retrying": 2,
        "max_failure_rate": 100, "per_minute": 60,
        "retry": { "attempts": 3, "backoff": 60, "reasons": ["download_failed", "timed_out"] },
        "stage": { "open": 0, "last": 2, "members": 5, "succeeded": 3, "ended": 4, "passed_at": null },
        "opens_at": LATER.0, "zone": "Europe/Berlin", "windows": ["22:00-04:00", "12:00-13:00"],
        "from": ["1.0", "1.1"], "tags": ["site:a"], "named": ["a", "b"], "exclude": ["x"],
        "canary": ["a"], "canary_soak": 600,
        "stages": [{ "share": 5, "soak": 3600, "pass": 50 }, { "share": 100, "soak": 0, "pass": 50 }]
    });
    let gateway = Script::once(&job("running", &fields));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    for line in [
        "job      7: demo to 2.0, by push, as a verification, with those that come later, downgrades too\n",
        "scope    on 1.0 or 1.1, tagged site:a, 2 devices by name, without 1 device\n",
        "first    a, then 10 min of rest; up to 5 %, then 1 h of rest; up to 100 %\n",
        "devices  20: 1 waiting, 2 waiting to be tried again\n",
        "gate     0 lost of 0 that finished; never holds\n",
        "stage    0 of 0 to 2 is open: 3 of its 5 succeeded, 1 ended otherwise\n",
        &format!("opens    {}, in ", LATER.1),
        "windows  22:00-04:00, 12:00-13:00 Europe/Berlin\n",
        "retries  3 tries, the second 1 min after the first, on download failed, timed out\n",
        "limits   300 devices at once, 60 a minute; ",
    ] {
        assert!(stdout.contains(line), "{line} is not in\n{stdout}");
    }
}

#[test]
fn show_tells_what_the_gate_no_longer_counts() {
    let fields =
        json!({ "succeeded": 20, "failed": 5, "exposed": 5, "forgiven": { "lost": 3, "succeeded": 10 } });
    let gateway = Script::once(&job("running", &fields));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    let line = "gate     5 lost of 25 that finished, of which a resume forgave 3 of 13; holds once losses \
                since its start or resume prove a rate above 5 %\n";
    assert!(stdout.contains(line), "{stdout}");
}

#[test]
fn a_held_job_says_why() {
    let held = json!({ "held_because": "the loss budget is spent", "failed": 10, "exposed": 10 });
    let gateway = Script::once(&job("held", &held));
    let stdout = run(&gateway.url, &words("job show 7")).succeeded();
    assert!(stdout.contains("state    held: the loss budget is spent\n"), "{stdout}");
}

#[test]
fn list_shows_what_each_job_has_spent() {
    let running = job("running", &json!({ "in_flight": 3, "exposed": 4 }));
    let gateway = Script::once(&format!(r#"{{"jobs":[{running}],"next":null}}"#));
    let stdout = run(&gateway.url, &words("job list --product demo")).succeeded();
    assert!(stdout.lines().nth(1).is_some_and(|line| line.ends_with("exposed 4 of 10")), "{stdout}");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs?limit=1000&product=demo");
}

#[test]
fn list_says_how_to_see_older_jobs() {
    let running = job("running", &json!({}));
    let gateway = Script::once(&format!(r#"{{"jobs":[{running}],"next":{}}}"#, LATER.0));
    let outcome = run(&gateway.url, &words("job list --before 2100-01-01T00:00:00Z"));
    assert!(outcome.stderr.contains(&format!("`--before {}`", LATER.1)), "{}", outcome.stderr);
    assert_eq!(gateway.asked_once().line, format!("GET /api/v1/jobs?limit=1000&before={}", LATER.0));
}

#[test]
fn tasks_say_why_each_device_was_lost() {
    let gateway = Script::once(
        r#"{"tasks":[{"task":"1","product":"demo","device":"d-1","state":"failed","step":-3,
            "reason":"verification_failed","detail":"sha256 differs","attempt":1,"from":"1.0",
            "exposed":true}],"next":null}"#,
    );
    let stdout = run(&gateway.url, &words("job tasks 7 --state failed")).succeeded();
    let row = stdout.lines().nth(1).unwrap();
    assert!(row.starts_with("d-1 ") && row.ends_with("verification failed: sha256 differs"), "{row}");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs/7/tasks?state=failed&limit=1000");
}

#[test]
fn events_go_on_until_the_last_page() {
    let event = |number: u64, kind: &str| {
        json!({ "number": number, "at": LATER.0, "kind": kind, "product": "demo", "device": "d-1",
            "job": "7", "actor": "sweep", "detail": "\u{1b}[2J" })
    };
    let page = |event: Value, next: Value| (200, json!({ "events": [event], "next": next }).to_string());
    let gateway =
        Script::new(vec![page(event(1, "granted"), json!(1)), page(event(2, "timed_out"), Value::Null)]);
    let stdout = run(&gateway.url, &words("job events 7")).succeeded();
    let rows: Vec<&str> = stdout.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "2100-01-01T00:00:00Z  granted    d-1     sweep  \\u{1b}[2J",
            "2100-01-01T00:00:00Z  timed out  d-1     sweep  \\u{1b}[2J"
        ]
    );
    let asked: Vec<_> = gateway.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(asked, ["GET /api/v1/events?job=7&limit=1000", "GET /api/v1/events?job=7&limit=1000&after=1"]);
}
