//! Why devices get what they get, and what a job would do.

use serde_json::json;

use crate::program::{run, words};
use crate::record::LATER;
use crate::script::Script;

#[test]
fn explain_names_each_reason_with_its_moment() {
    let answer = json!({
        "device": { "product": "demo", "device": "d-1", "version": "1.0", "connected": true, "heard_at": 0,
            "generation": 1, "tags": [] },
        "jobs": [{
            "job": "7", "to": "2.0", "next": "1.5", "verdict": "waits",
            "why": [
                format!("the window of the job opens at {}", LATER.1),
                "the loss budget has no slot: 10 exposed of 10\u{1b}[2J"
            ],
            "until": LATER.0
        }]
    });
    let gateway = Script::once(&answer.to_string());
    let stdout = run(&gateway.url, &words("job explain 7 d-1")).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], "device   demo/d-1 on 1.0, connected, never heard");
    assert!(lines[1].starts_with("job      7: to 2.0 by way of 1.5: waits until 2100-01-01T00:00:00Z, in "));
    assert_eq!(lines[2], "         the window of the job opens at 2100-01-01T00:00:00Z");
    assert_eq!(lines[3], "         the loss budget has no slot: 10 exposed of 10\\u{1b}[2J");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/jobs/7/explain/d-1");
}

#[test]
fn a_device_without_jobs_is_told_as_that() {
    let answer = json!({
        "device": { "product": "demo", "device": "d-1", "version": null, "connected": false, "heard_at": null },
        "jobs": []
    });
    let gateway = Script::once(&answer.to_string());
    let stdout = run(&gateway.url, &words("device explain demo d-1")).succeeded();
    assert_eq!(
        stdout,
        "device   demo/d-1 never informed a version, not connected, never heard\n\
         no open job has anything for it\n"
    );
    assert_eq!(gateway.asked_once().line, "GET /api/v1/products/demo/devices/d-1/explain");
}

#[test]
fn a_dry_run_tells_who_in_which_order_and_how_long() {
    let answer = json!({
        "devices": 1219, "skipped": 12, "waiting": 1207, "never_informed": 0,
        "refused": [
            { "why": "the device runs the target already", "devices": 12, "examples": ["x-1", "x-2"] },
            { "why": "the device is at work for another job", "devices": 1, "examples": ["y"] }
        ],
        "reachable_now": 1204, "first": ["d-1", "d-2"],
        "stages": [{ "stage": 0, "devices": 1 }, { "stage": 1, "devices": 1206 }], "opens_at": LATER.0,
        "bound_at_start": 10,
        "estimate": { "1000": 720_000, "10000": null, "100000": null, "all": 12_000_000 },
        "per_device_ms": 300_000, "based_on": "12 finished upgrades of this product"
    });
    let gateway = Script::once(&answer.to_string());
    let line = "job dry-run --product demo --to 2.0 --canary d-1 --loss-budget 10";
    let stdout = run(&gateway.url, &words(line)).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[3].starts_with("opens    2100-01-01T00:00:00Z, in "), "{stdout}");
    assert_eq!(
        [&lines[..3], &lines[4..]].concat(),
        [
            "devices  1219 of demo in its scope: 1207 to be brought to 2.0, 1204 of them reachable now",
            "not now  12: the device runs the target already (x-1, x-2 and 10 more)",
            "not now  1: the device is at work for another job (y)",
            "order    d-1, d-2 and 1202 more",
            "stages   0: 1 device, 1: 1206 devices",
            "budget   10 devices may be lost at the start",
            "time     1000 in 12 min, all in 3 h 20 min, when every device is reachable and comes back; \
             5 min a device (12 finished upgrades of this product)",
        ]
    );
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/jobs?dry_run=true");
    let expected =
        json!({ "product": "demo", "to": "2.0", "mode": "push", "canary": ["d-1"], "loss_budget": 10 });
    assert_eq!(asked.json(), expected);
}

#[test]
fn a_dry_run_of_a_job_that_devices_ask_for_counts_nobody_as_out_of_reach() {
    let answer = json!({
        "devices": 5, "skipped": 0, "waiting": 5, "never_informed": 0, "refused": [], "reachable_now": 0,
        "first": [], "stages": [{ "stage": 0, "devices": 5 }], "bound_at_start": 10, "opens_at": null,
        "estimate": { "1000": null, "10000": null, "100000": null, "all": 600_000 },
        "per_device_ms": 600_000, "based_on": "assumed"
    });
    let gateway = Script::once(&answer.to_string());
    let stdout = run(&gateway.url, &words("job dry-run --product demo --to 2.0 --mode request")).succeeded();
    assert_eq!(
        stdout,
        "devices  5 of demo in its scope: 5 to be brought to 2.0 as they ask\n\
         budget   10 devices may be lost at the start\n\
         time     all in 10 min, when every device is reachable and comes back; 10 min a device (assumed)\n"
    );
    assert_eq!(gateway.asked_once().json()["mode"], "request");
}
