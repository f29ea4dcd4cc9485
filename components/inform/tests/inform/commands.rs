//! When an answer carries a command, and what stands in it.

use http::StatusCode;
use ota_testbed::Testbed;
use serde_json::json;

const IMAGE: &[u8] = b"firmware";

#[test]
fn the_command_rides_in_the_answer_in_its_exact_shape() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    let told = bed.device("d0").inform("1");
    assert_eq!(told.reply, json!({"id": "1", "code": 200, "data": {}}));
    let push_id = told.push_id().as_str().unwrap();
    assert_eq!(push_id.len(), 19, "{push_id}");
    assert!(push_id.bytes().all(|byte| byte.is_ascii_digit()));
    let url = told.file_url().as_str().unwrap();
    assert!(url.starts_with("http://gateway.test/fleet/ota/2.bin?t="), "{url}");
    assert_eq!(
        told.command.clone().unwrap(),
        json!({
            "id": push_id, "version": "1.0", "method": "ota.device.upgrade",
            "params": {
                "version": "2", "sign": "74b5b5e9570efc5c0553bb327cd41940", "signMethod": "md5",
                "fileUrl": url, "fileSize": 8,
            },
        })
    );
}

#[test]
fn the_topic_beside_a_command_is_the_devices_own() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    let response = bed.device("d0").publish("inform", r#"{"params":{"version":"1"}}"#);
    assert_eq!(response.headers()["topic"], "/sys/pk/d0/ota/device/upgrade");
}

#[test]
fn a_command_outside_ascii_is_escaped_in_its_header() {
    let bed = Testbed::new();
    bed.add_product();
    bed.add_device("d0").inform("1");
    bed.add_firmware("v2%20%CE%B2%F0%9F%98%80", IMAGE);
    bed.add_job("push", json!({"to": "v2 β😀"}));
    let response = bed.device("d0").publish("inform", r#"{"params":{"version":"1"}}"#);
    let header = response.headers()["command-payload"].to_str().unwrap();
    assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header}");
    assert!(header.contains(r"v2 \u03b2\ud83d\ude00"), "{header}");
    assert!(header.len() <= 4096);
}

#[test]
fn the_command_comes_again_with_every_inform_until_a_first_sign() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    let device = bed.device("d0");
    let first = device.inform("1");
    for _ in 0..3 {
        bed.pass(1000);
        assert_eq!(device.inform("1"), first);
    }
    assert_eq!(bed.job(&job)["exposed"], 1);
    assert_eq!(bed.task(&job, "d0")["attempt"], 1);
    assert_eq!(device.answer(first.push_id(), &json!(200)), StatusCode::NO_CONTENT);
    assert_eq!(device.inform("1").command, None);
    assert_eq!(bed.task(&job, "d0")["attempt"], 1);
}

#[test]
fn no_more_devices_are_told_than_the_budget_has_places() {
    let bed = Testbed::with_fleet(4, IMAGE);
    let job = bed.add_job("push", json!({"loss_budget": 2, "growth": 0}));
    for round in 0..3 {
        let told: Vec<bool> =
            (0..4).map(|n| bed.device(&format!("d{n}")).inform("1").command.is_some()).collect();
        assert_eq!(told, [true, true, false, false], "round {round}");
    }
    assert_eq!(bed.job(&job)["exposed"], 2);
}

#[test]
fn a_device_outside_the_jobs_scope_is_told_nothing() {
    let bed = Testbed::with_fleet(3, IMAGE);
    bed.device("d1").inform("0.9");
    bed.add_job("push", json!({"from": ["1"]}));
    bed.add_device("late").inform("1");
    assert!(bed.device("d0").inform("1").command.is_some());
    for outside in ["d1", "late"] {
        assert_eq!(bed.device(outside).inform("1").command, None, "{outside}");
    }
}

#[test]
fn a_stopped_job_tells_nobody_and_takes_back_what_was_not_begun() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({}));
    assert!(bed.device("d0").inform("1").command.is_some());
    bed.stop(&job);
    assert_eq!(bed.device("d0").inform("1").command, None);
    assert_eq!(bed.device("d1").inform("1").command, None);
}

#[test]
fn nothing_is_granted_that_could_not_be_told() {
    for variable in ["link_key", "public_url"] {
        let mut bed = Testbed::with_fleet(1, IMAGE);
        let job = bed.add_job("push", json!({}));
        let value = bed.variables.remove(variable).unwrap();
        let response = bed.device("d0").publish("inform", r#"{"params":{"version":"1"}}"#);
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(String::from_utf8_lossy(response.body()).contains(variable));
        bed.variables.insert(variable.to_owned(), value);
        assert_eq!(bed.job(&job)["exposed"], 0);
    }
}
