//! Which task a step speaks of, and what it does to it.

use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{IMAGE, granted, offered};

#[test]
fn without_a_task_a_step_is_764() {
    let bed = Testbed::with_fleet(2, IMAGE);
    assert_eq!(bed.device("d0").progress(10), 764);
    bed.add_job("push", json!({"devices": ["d0"]}));
    assert_eq!(bed.device("d1").progress(10), 764);
    assert_eq!(bed.device("d1").progress(-1), 764);
}

#[test]
fn a_task_neither_granted_nor_offered_is_765() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let push = bed.add_job("push", json!({}));
    assert_eq!(bed.device("d0").progress(10), 765);
    assert_eq!(bed.device("d0").progress(-1), 765);
    assert_eq!(bed.task(&push, "d0")["state"], "waiting");
    bed.stop(&push);
    bed.add_job("request", json!({}));
    assert_eq!(bed.device("d1").progress(10), 765);
}

#[test]
fn a_reply_says_what_its_code_means() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let reply =
        |bed: &Testbed| json(&bed.device("d0").publish("progress", r#"{"id":"3","params":{"step":1}}"#));
    let no_task = json!({"id": "3", "code": 764, "message": "Device task not found", "data": {}});
    assert_eq!(reply(&bed), no_task);
    bed.add_job("push", json!({}));
    let not_started = json!({"id": "3", "code": 765, "message": "Device task not start", "data": {}});
    assert_eq!(reply(&bed), not_started);
}

#[test]
fn the_first_step_of_a_granted_task_is_its_begin() {
    let bed = Testbed::new();
    let job = granted(&bed);
    assert_eq!(bed.job(&job)["begun"], 0);
    assert_eq!(bed.device("d0").progress(0), 200);
    assert_eq!(bed.task(&job, "d0")["state"], "downloading");
    assert_eq!(bed.job(&job)["begun"], 1);
    assert_eq!(bed.device("d0").inform("1").command, None, "it showed a first sign");
}

#[test]
fn steps_may_come_in_any_order_and_again() {
    let bed = Testbed::new();
    let job = granted(&bed);
    for (step, state) in
        [(90, "upgrading"), (20, "upgrading"), (20, "upgrading"), (100, "upgrading"), (0, "upgrading")]
    {
        assert_eq!(bed.device("d0").progress(step), 200);
        assert_eq!(bed.task(&job, "d0")["state"], state);
        assert_eq!(bed.task(&job, "d0")["step"], step);
    }
    assert_eq!(bed.job(&job)["exposed"], 1);
}

#[test]
fn each_negative_step_fails_the_task_for_its_own_reason() {
    for (step, reason) in [
        (-1, "upgrade_failed"),
        (-2, "download_failed"),
        (-3, "verification_failed"),
        (-4, "burning_failed"),
        (-5, "ignored"),
        (-6, "device_code_-6"),
        (-2_147_483_648, "device_code_-2147483648"),
    ] {
        let bed = Testbed::new();
        let job = granted(&bed);
        bed.device("d0").progress(10);
        assert_eq!(bed.device("d0").progress(step), 200);
        let task = bed.task(&job, "d0");
        assert_eq!((&task["state"], &task["reason"]), (&json!("failed"), &json!(reason)));
        assert_eq!(task["detail"], format!("step {step}"));
        assert_eq!((&bed.job(&job)["failed"], &bed.job(&job)["exposed"]), (&json!(1), &json!(1)));
    }
}

#[test]
fn a_negative_step_may_be_the_very_first_report_and_then_nobody_was_exposed() {
    let bed = Testbed::new();
    let job = granted(&bed);
    assert_eq!(bed.device("d0").progress(-5), 200);
    assert_eq!(bed.task(&job, "d0")["state"], "failed");
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn a_step_on_an_offer_takes_the_slot_and_765_says_that_there_is_none() {
    let bed = Testbed::new();
    let job = offered(&bed, 1);
    assert_eq!(bed.device("d0").progress(10), 200);
    assert_eq!(bed.device("d1").progress(10), 765);
    assert_eq!(bed.task(&job, "d0")["state"], "downloading");
    assert_eq!(bed.task(&job, "d1")["state"], "waiting");
    assert_eq!(bed.job(&job)["exposed"], 1);
    bed.device("d0").inform("2");
    assert_eq!(bed.device("d1").progress(10), 200);
}

#[test]
fn a_step_after_the_verdict_a_stop_or_a_lapse_is_200_and_no_verdict() {
    let over = |then: &dyn Fn(&Testbed, &str)| {
        let bed = Testbed::new();
        let job = granted(&bed);
        then(&bed, &job);
        let before = (bed.task(&job, "d0")["state"].clone(), bed.job(&job));
        for step in [50, -1, 90] {
            assert_eq!(bed.device("d0").progress(step), 200);
        }
        assert_eq!((bed.task(&job, "d0")["state"].clone(), bed.job(&job)), before);
    };
    over(&|bed, _| assert_eq!(bed.device("d0").progress(-2), 200));
    over(&|bed, _| {
        bed.device("d0").progress(10);
        bed.device("d0").inform("2");
    });
    over(&|bed, _| {
        bed.pass(300_000);
        assert_eq!(bed.sweep("b", &[])["lapsed"], 1);
    });
    over(&|bed, _| {
        bed.device("d0").progress(10);
        bed.pass(7_200_000);
        assert_eq!(bed.sweep("b", &[])["timed_out"], 1);
    });
}

#[test]
fn what_began_goes_on_after_a_stop() {
    let bed = Testbed::new();
    let job = granted(&bed);
    bed.device("d0").progress(10);
    bed.stop(&job);
    assert_eq!(bed.device("d0").progress(80), 200);
    bed.device("d0").inform("2");
    assert_eq!(bed.task(&job, "d0")["state"], "succeeded");
    assert_eq!(bed.job(&job)["state"], "stopped");
}

#[test]
fn a_step_from_before_the_grant_is_200_and_does_nothing_to_the_attempt() {
    let bed = Testbed::new();
    let job = granted(&bed);
    bed.pass(1000);
    let mut request = bed.device("d0").request("progress", r#"{"params":{"step":-2}}"#);
    request.headers_mut().insert("x-mqtt-age", "1001".parse().unwrap());
    assert_eq!(json(&bed.send(&request))["code"], 200);
    assert_eq!(bed.task(&job, "d0")["state"], "granted");
    request.headers_mut().insert("x-mqtt-age", "999".parse().unwrap());
    assert_eq!(json(&bed.send(&request))["code"], 200);
    assert_eq!(bed.task(&job, "d0")["state"], "failed");
}

#[test]
fn the_answer_to_a_stale_step_carries_the_command_that_waits() {
    let bed = Testbed::new();
    granted(&bed);
    bed.pass(1000);
    let mut request = bed.device("d0").request("progress", r#"{"params":{"step":50}}"#);
    request.headers_mut().insert("x-mqtt-age", "2000".parse().unwrap());
    assert!(bed.send(&request).headers().contains_key("command-payload"));
}
