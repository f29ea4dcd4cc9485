//! What stands in the list, and what does not.

use ota_testbed::Testbed;
use serde_json::json;

use crate::IMAGE;

#[test]
fn an_offer_has_all_five_fields_in_their_types() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("request", json!({}));
    let told = bed.device("d0").getversion();
    let url = told.offered_url().as_str().unwrap();
    assert!(url.starts_with("http://gateway.test/fleet/ota/2.bin?t="), "{url}");
    assert_eq!(
        told.reply,
        json!({"id": "1", "code": 200, "data": [{
            "version": "2", "sign": "74b5b5e9570efc5c0553bb327cd41940", "signMethod": "md5",
            "fileUrl": url, "fileSize": 8,
        }]})
    );
    assert_eq!(told.command, None);
}

#[test]
fn a_sha256_firmware_is_offered_with_its_sha256() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_eq!(bed.upload("3", "?sign_method=sha256", IMAGE).status(), 201);
    bed.add_job("request", json!({"to": "3"}));
    let offer = &bed.device("d0").getversion().reply["data"].as_array().unwrap()[0].clone();
    assert_eq!(offer["signMethod"], "sha256");
    assert_eq!(offer["sign"].as_str().unwrap().len(), 64);
}

#[test]
fn the_newest_firmware_stands_last_in_whatever_order_the_jobs_were_made() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_firmware("10", b"firmware 10");
    bed.add_firmware("9", b"firmware 9");
    for to in ["9", "2", "10"] {
        bed.add_job("request", json!({"to": to}));
        bed.pass(1);
    }
    assert_eq!(bed.device("d0").getversion().versions(), ["2", "10", "9"]);
}

#[test]
fn an_offer_exposes_nobody_and_takes_no_slot() {
    let bed = Testbed::with_fleet(3, IMAGE);
    let job = bed.add_job("request", json!({"loss_budget": 1}));
    for _ in 0..2 {
        for device in ["d0", "d1", "d2"] {
            assert_eq!(bed.device(device).getversion().versions(), ["2"]);
        }
    }
    assert_eq!(bed.job(&job)["exposed"], 0);
    assert_eq!(bed.events().iter().filter(|kind| *kind == "offered").count(), 3);
}

#[test]
fn nothing_is_offered_without_a_slot_except_to_the_device_that_holds_it() {
    let bed = Testbed::with_fleet(2, IMAGE);
    bed.add_job("request", json!({"loss_budget": 1, "growth": 0}));
    bed.device("d0").getversion();
    assert_eq!(bed.device("d0").progress(10), 200);
    assert_eq!(bed.device("d0").getversion().versions(), ["2"]);
    assert_eq!(bed.device("d1").getversion().versions(), [""; 0]);
}

#[test]
fn a_device_at_work_is_offered_only_what_it_works_on() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_firmware("3", b"firmware 3");
    for to in ["2", "3"] {
        bed.add_job("request", json!({"to": to}));
    }
    let told = bed.device("d0").getversion();
    assert_eq!(told.versions(), ["2", "3"]);
    assert_eq!(bed.device("d0").progress(10), 200);
    assert_eq!(bed.device("d0").getversion().versions(), ["3"], "a report takes the last of the list");
}

#[test]
fn what_a_device_runs_or_may_not_have_is_not_offered() {
    let bed = Testbed::with_fleet(3, IMAGE);
    bed.device("d0").inform("2");
    bed.add_job("request", json!({"devices": ["d0", "d1"]}));
    assert_eq!(bed.device("d0").getversion().versions(), [""; 0], "it runs it");
    assert_eq!(bed.device("d2").getversion().versions(), [""; 0], "it is not in the job");
    assert_eq!(bed.device("d1").getversion().versions(), ["2"]);
    bed.add_device("fresh");
    bed.add_job("request", json!({}));
    assert_eq!(bed.device("fresh").getversion().versions(), [""; 0], "it never informed");
}

#[test]
fn nothing_is_offered_of_a_job_that_pushes_or_stopped() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("request", json!({}));
    assert_eq!(bed.device("d0").getversion().versions(), ["2"]);
    bed.stop(&job);
    assert_eq!(bed.device("d0").getversion().versions(), [""; 0]);
    bed.add_job("push", json!({}));
    bed.pass(6000);
    assert_eq!(bed.device("d0").getversion().versions(), [""; 0]);
}

#[test]
fn a_new_job_is_seen_at_once_and_within_5_s_where_the_store_did_not_hear_of_it() {
    let bed = Testbed::with_fleet(1, IMAGE);
    assert_eq!(bed.device("d0").getversion().versions(), [""; 0]);
    let mut nothing_open = None;
    bed.kv.alter("catalog:pk", |value| nothing_open.clone_from(value));
    bed.add_job("request", json!({}));
    assert_eq!(bed.device("d0").getversion().versions(), ["2"]);
    bed.kv.alter("catalog:pk", |value| *value = nothing_open);
    assert_eq!(bed.device("d0").getversion().versions(), [""; 0]);
    bed.pass(5001);
    assert_eq!(bed.device("d0").getversion().versions(), ["2"]);
}

#[test]
fn a_device_with_a_session_hears_of_a_push_in_the_answer_and_a_bridge_does_not() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    let device = bed.device("d0").logged_in("secret-of-d0");
    let pushed = device.inform("1").command;
    assert!(pushed.is_some());
    assert_eq!(device.getversion().command, pushed);
    assert_eq!(bed.device("d0").getversion().command, None, "its bridge gets it from the sweep");
    assert_eq!(device.progress(10), 200);
    assert_eq!(device.getversion().command, None);
}
