//! `…/upgrade_reply`: proof of receipt, whatever it says, and of nothing else.

use ota_testbed::{Device, PRODUCT, Testbed};
use serde_json::{Value, json};

use crate::IMAGE;

#[test]
fn every_sdks_reply_is_a_first_sign_whatever_its_code() {
    for code in [json!(200), json!(0), json!("500"), json!(1101), json!(2001), json!(-1), json!("200.0")] {
        let (bed, job, push_id) = granted();
        assert_eq!(bed.device("d0").answer(&push_id, &code), 204, "{code}");
        assert_eq!(bed.task(&job, "d0")["state"], "granted", "{code}");
        assert_eq!(bed.device("d0").inform("1").command, None, "{code}");
        bed.pass(300_001);
        assert_eq!(bed.sweep("b", &[])["lapsed"], 0, "{code}");
    }
}

#[test]
fn a_devices_refusal_is_recorded_in_its_own_words() {
    let (bed, job, push_id) = granted();
    let reply = json!({"id": push_id, "code": "500", "data": {}, "message": "handler <b>failed</b>"});
    assert_eq!(bed.device("d0").publish("upgrade_reply", reply.to_string()).status(), 204);
    let events = bed.show(&format!("/api/v1/events?job={job}"));
    let acknowledged = events["events"].as_array().unwrap().last().unwrap();
    assert_eq!(acknowledged["kind"], "acknowledged");
    assert_eq!(acknowledged["detail"], "the device answered 500 handler <b>failed</b>");
}

#[test]
fn a_reply_that_answers_nothing_changes_nothing() {
    let (bed, _, push_id) = granted();
    let number: u64 = push_id.as_str().unwrap().parse().unwrap();
    let before = bed.state();
    for id in [
        json!("1"),
        json!(number + 1),
        json!(""),
        Value::Null,
        json!({}),
        json!(["1"]),
        json!("x".repeat(300)),
    ] {
        assert_eq!(bed.device("d0").answer(&id, &json!(200)), 204, "{id}");
    }
    assert_eq!(bed.device("d0").publish("upgrade_reply", r#"{"code":200,"data":{}}"#).status(), 204);
    for (product, device) in [(PRODUCT, "d1"), (PRODUCT, "stranger"), ("other", "d0")] {
        assert_eq!(
            Device::new(&bed, product, device).answer(&push_id, &json!(200)),
            204,
            "{product}/{device}"
        );
    }
    assert_eq!(bed.state(), before);
}

#[test]
fn a_push_id_that_comes_back_as_a_number_is_known() {
    let (bed, _, push_id) = granted();
    let number: u64 = push_id.as_str().unwrap().parse().unwrap();
    assert_eq!(bed.device("d0").answer(&json!(number), &json!(200)), 204);
    assert_eq!(bed.device("d0").inform("1").command, None);
}

#[test]
fn a_malformed_reply_has_no_answer_and_changes_nothing() {
    let (bed, _, push_id) = granted();
    let before = bed.state();
    let id = push_id.as_str().unwrap();
    for payload in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!(r#"{{"id":"{id}"}}"#),
        format!(r#"{{"id":"{id}","code":null}}"#),
        format!(r#"{{"id":"{id}","code":true}}"#),
        format!(r#"{{"id":"{id}","code":"OK"}}"#),
        format!(r#"{{"id":"{id}","code":[200]}}"#),
        format!(r#"{{"id":"{id}","code":1e99}}"#),
        format!(r#"{{"id":"{id}","code":200,"message":"\u0000"}}"#),
        format!(r#"{{"id":"{id}\u0000","code":200}}"#),
        format!(r#"{{"id":"{id}","id":"1","code":200}}"#),
    ] {
        let response = bed.device("d0").publish("upgrade_reply", payload.clone());
        assert_eq!(response.status(), 204, "{payload}");
        assert!(response.body().is_empty());
    }
    assert_eq!(bed.state(), before);
}

#[test]
fn a_reply_comes_again_and_too_late_without_harm() {
    let (bed, job, push_id) = granted();
    for _ in 0..3 {
        assert_eq!(bed.device("d0").answer(&push_id, &json!(200)), 204);
    }
    assert_eq!(bed.events().iter().filter(|kind| *kind == "acknowledged").count(), 1);
    bed.device("d0").progress(10);
    bed.device("d0").inform("2");
    let before = bed.job(&job);
    assert_eq!(bed.device("d0").answer(&push_id, &json!(1102)), 204);
    assert_eq!(bed.job(&job), before);
    assert_eq!(bed.task(&job, "d0")["state"], "succeeded");
}

#[test]
fn the_reply_to_a_lapsed_command_says_nothing_of_the_next() {
    let (bed, job, push_id) = granted();
    bed.pass(300_000);
    assert_eq!(bed.sweep("b", &[])["lapsed"], 1);
    let second = bed.device("d0").inform("1");
    assert_ne!(*second.push_id(), push_id);
    assert_eq!(bed.device("d0").answer(&push_id, &json!(200)), 204);
    assert!(bed.device("d0").inform("1").command.is_some());
    assert_eq!(bed.task(&job, "d0")["attempt"], 2);
}

/// A job that told its only device `d0`; the job, and the id of the push.
fn granted() -> (Testbed, String, Value) {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({"devices": ["d0"]}));
    let push_id = bed.device("d0").inform("1").push_id().clone();
    (bed, job, push_id)
}
