//! What a sweep concludes and whom it grants.

use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, connected};

#[test]
fn connected_devices_are_granted_up_to_the_budget_and_no_further() {
    let bed = Testbed::new();
    let job = connected(&bed, 5, json!({"loss_budget": 3, "growth": 0}));
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], &swept["more"]), (&json!(3), &json!(false)));
    assert_eq!(swept["commands"].as_array().unwrap().len(), 3);
    assert_eq!(bed.sweep("b", &[])["granted"], 0);
    assert_eq!(bed.job(&job)["exposed"], 3);
}

#[test]
fn a_device_that_is_not_reachable_is_not_granted() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.pass(600_001);
    let job = bed.add_job("push", json!({}));
    assert_eq!(bed.sweep("b", &[])["granted"], 0);
    bed.device("d0").progress(0);
    assert_eq!(bed.job(&job)["exposed"], 0);
    assert!(bed.device("d0").inform("1").command.is_some());
}

#[test]
fn nothing_is_granted_that_could_not_be_told() {
    for variable in ["link_key", "public_url"] {
        let mut bed = Testbed::new();
        let job = connected(&bed, 1, json!({}));
        let value = bed.variables.remove(variable).unwrap();
        let response = bed.send(&bed.by_bridge("/internal/sweep", json!({"bridge": "b"}).to_string()));
        assert_eq!(response.status(), 403);
        assert!(String::from_utf8_lossy(response.body()).contains(variable));
        bed.variables.insert(variable.to_owned(), value);
        assert_eq!(bed.job(&job)["exposed"], 0);
    }
}

#[test]
fn a_request_job_is_never_pushed() {
    let bed = Testbed::new();
    connected(&bed, 1, json!({}));
    bed.device("d0").inform("2");
    bed.device("d0").inform("1");
    let job = bed.add_job("request", json!({}));
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], &swept["commands"]), (&json!(0), &json!([])));
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn a_grant_without_a_sign_lapses_and_frees_its_place() {
    let bed = Testbed::new();
    let job = connected(&bed, 2, json!({"loss_budget": 1, "growth": 0, "first_sign_within": 10}));
    assert_eq!(bed.sweep("b", &[])["granted"], 1);
    bed.pass(9_999);
    assert_eq!(bed.sweep("b", &[])["lapsed"], 0);
    bed.pass(1);
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["lapsed"], &swept["granted"]), (&json!(1), &json!(1)), "the place goes to the other");
    assert_eq!(bed.job(&job)["exposed"], 1);
}

#[test]
fn silence_after_a_sign_times_out_and_stays_exposed_once_it_began() {
    for (begins, exposed) in [(false, 0), (true, 1)] {
        let bed = Testbed::new();
        let job = connected(&bed, 1, json!({"upgrade_timeout": 20}));
        let command = bed.sweep("b", &[])["commands"][0].clone();
        let payload: Value = serde_json::from_str(command["payload"].as_str().unwrap()).unwrap();
        if begins {
            assert_eq!(bed.device("d0").progress(10), 200);
        } else {
            bed.sweep("b", &[payload["id"].as_str().unwrap()]);
        }
        bed.pass(19_999);
        assert_eq!(bed.sweep("b", &[])["timed_out"], 0);
        bed.pass(1);
        assert_eq!(bed.sweep("b", &[])["timed_out"], 1);
        assert_eq!(bed.task(&job, "d0")["state"], "timed_out");
        assert_eq!(bed.job(&job)["exposed"], exposed);
    }
}

#[test]
fn a_rollback_that_is_not_taken_back_is_a_failure() {
    let bed = Testbed::new();
    let job = connected(&bed, 1, json!({"confirm_within": 5}));
    bed.sweep("b", &[]);
    bed.device("d0").progress(80);
    bed.device("d0").inform("1");
    bed.pass(5_000);
    assert_eq!(bed.sweep("b", &[])["failed"], 1);
    assert_eq!(bed.task(&job, "d0")["reason"], "rollback");
}

#[test]
fn the_job_holds_when_its_budget_is_spent_and_nobody_is_in_flight() {
    let bed = Testbed::new();
    let job = connected(&bed, 3, json!({"loss_budget": 1, "growth": 0, "upgrade_timeout": 1}));
    bed.sweep("b", &[]);
    for device in ["d0", "d1", "d2"] {
        bed.device(device).progress(10);
    }
    bed.pass(1_000);
    bed.sweep("b", &[]);
    let shown = bed.job(&job);
    assert_eq!(
        (&shown["state"], &shown["held_because"]),
        (&json!("held"), &json!("loss budget spent: 1 exposed of 1"))
    );
    assert_eq!(bed.sweep("b", &[])["granted"], 0);
}

#[test]
fn there_is_more_when_a_sweep_could_not_do_everything() {
    let bed = Testbed::new();
    connected(&bed, 301, json!({"loss_budget": 1000, "max_in_flight": 1000}));
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], &swept["more"]), (&json!(300), &json!(true)));
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], &swept["more"]), (&json!(1), &json!(false)));
}

#[test]
fn a_bridge_that_was_not_heard_is_to_report_its_sessions_until_it_says_that_it_does() {
    let bed = Testbed::new();
    let job = connected(&bed, 1, json!({}));
    let report = |reporting: bool| {
        let tick = json!({"bridge": "b", "acknowledged": [], "reporting": reporting});
        json(&bed.send(&bed.by_bridge("/internal/sweep", tick.to_string())))["report"].clone()
    };
    assert_eq!([false, false, true, false].map(report), [true, true, false, false].map(Value::from));
    for _ in 0..4 {
        bed.pass(61_000);
        bed.sweep("another", &[]);
    }
    assert_eq!(bed.show("/api/v1/products/pk/devices/d0")["connected"], false);
    assert_eq!([false, true, false].map(report), [true, false, false].map(Value::from));
    let live = json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b", "session": 0});
    let told = json(&bed.send(&bed.by_bridge("/mqtt/presence", live.to_string())));
    assert_eq!(
        (told["commands"].as_array().map(Vec::len), &bed.job(&job)["in_flight"]),
        (Some(1), &json!(1))
    );
}
