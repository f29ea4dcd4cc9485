//! What an informed version says about a task: on time, late, too early, again, and out of order.

use ota_testbed::{Device, Testbed, Told, json};
use serde_json::{Value, json};

const IMAGE: &[u8] = b"firmware";

#[test]
fn the_target_after_a_begin_is_success_however_often_it_is_informed() {
    let (bed, job) = at_work();
    for _ in 0..3 {
        assert_eq!(bed.device("d0").inform("2").command, None);
        assert_eq!(state(&bed, &job), "succeeded");
    }
    let shown = bed.job(&job);
    assert_eq!(
        (&shown["state"], &shown["succeeded"], &shown["exposed"]),
        (&json!("done"), &json!(1), &json!(0))
    );
    assert_eq!(bed.events().iter().filter(|kind| *kind == "succeeded").count(), 1);
}

#[test]
fn the_target_without_a_begin_is_no_success_of_the_job() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    assert!(bed.device("d0").inform("1").command.is_some());
    bed.device("d0").inform("2");
    assert_eq!(state(&bed, &job), "skipped");
    assert_eq!(bed.job(&job)["succeeded"], 0);
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn another_version_while_at_work_is_a_failure_that_stays_exposed() {
    let (bed, job) = at_work();
    bed.device("d0").inform("1.5");
    let task = bed.task(&job, "d0");
    assert_eq!((&task["state"], &task["reason"]), (&json!("failed"), &json!("wrong_version")));
    assert_eq!(bed.job(&job)["exposed"], 1);
}

#[test]
fn the_target_after_a_failure_is_a_late_success() {
    let (bed, job) = at_work();
    assert_eq!(bed.device("d0").progress(-3), 200);
    assert_eq!(state(&bed, &job), "failed");
    assert_eq!(bed.job(&job)["exposed"], 1);
    bed.device("d0").inform("2");
    assert_eq!(state(&bed, &job), "succeeded");
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn leaving_the_target_again_is_reverted_within_24_hours_and_not_after() {
    for (after, expected) in [(86_399_000, "failed"), (86_401_000, "succeeded")] {
        let (bed, job) = at_work();
        bed.device("d0").inform("2");
        bed.pass(after);
        bed.device("d0").inform("1");
        assert_eq!(state(&bed, &job), expected);
    }
}

#[test]
fn the_old_version_after_a_whole_download_is_a_rollback_unless_the_target_follows() {
    for (then, expected) in [(None, "failed"), (Some("2"), "succeeded")] {
        let (bed, job) = at_work();
        bed.device("d0").progress(80);
        bed.device("d0").inform("1");
        assert_eq!(state(&bed, &job), "upgrading");
        if let Some(version) = then {
            bed.device("d0").inform(version);
        }
        bed.pass(61_000);
        bed.sweep("b", &[]);
        assert_eq!(state(&bed, &job), expected);
    }
}

#[test]
fn a_version_from_before_the_grant_is_no_verdict_on_the_attempt() {
    let (bed, job) = at_work();
    bed.pass(5000);
    for (age, expected) in [("5001", "downloading"), ("4000", "failed")] {
        let mut request = bed.device("d0").request("inform", r#"{"params":{"version":"0.9"}}"#);
        request.headers_mut().insert("x-mqtt-age", age.parse().unwrap());
        assert_eq!(json(&bed.send(&request))["code"], 200);
        assert_eq!(state(&bed, &job), expected, "{age} ms old");
    }
}

#[test]
fn absurd_ages_are_passed_over() {
    for age in ["-1", "9223372036854775807", "9223372036854775808", "1e3", "0x10", "soon", ""] {
        let (bed, _) = at_work();
        let mut request = bed.device("d0").request("inform", r#"{"params":{"version":"2"}}"#);
        request.headers_mut().insert("x-mqtt-age", age.parse().unwrap());
        assert_eq!(json(&bed.send(&request))["code"], 200, "{age}");
    }
}

/// A job whose only device has begun.
fn at_work() -> (Testbed, String) {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let device = bed.device("d0");
    begin(&device, &device.inform("1"));
    (bed, job)
}

fn begin(device: &Device<'_>, told: &Told) {
    assert!(told.command.is_some());
    assert_eq!(device.progress(10), 200);
}

fn state(bed: &Testbed, job: &str) -> Value {
    bed.task(job, "d0")["state"].clone()
}
