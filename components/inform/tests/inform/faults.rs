//! The database fails at the n-th statement of an inform, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, survives};
use serde_json::json;

#[test]
fn the_first_inform_survives_every_fault() {
    assert_survives("1", &|bed| {
        bed.add_product();
        bed.add_device("d0");
    });
}

#[test]
fn an_inform_on_an_empty_database_survives_every_fault() {
    assert_survives("1", &|_| {});
}

#[test]
fn an_inform_that_is_granted_survives_every_fault() {
    assert_survives("1", &|bed| {
        bed.set_fleet(2, b"firmware");
        bed.add_job("push", json!({"loss_budget": 1}));
    });
}

#[test]
fn an_inform_that_finds_no_slot_survives_every_fault() {
    assert_survives("1", &|bed| {
        bed.set_fleet(2, b"firmware");
        bed.add_job("push", json!({"loss_budget": 1}));
        bed.device("d1").inform("1");
    });
}

#[test]
fn an_inform_that_succeeds_and_is_granted_the_next_job_survives_every_fault() {
    assert_survives("2", &|bed| {
        at_work(bed);
        bed.add_firmware("3", b"firmware 3");
        bed.add_job("push", json!({"to": "3"}));
    });
}

#[test]
fn an_inform_of_the_wrong_version_survives_every_fault() {
    assert_survives("1.5", &at_work);
}

#[test]
fn an_inform_that_reverts_survives_every_fault() {
    assert_survives("1", &|bed| {
        at_work(bed);
        bed.device("d0").inform("2");
    });
}

#[test]
fn an_inform_after_a_rollback_survives_every_fault() {
    assert_survives("1", &|bed| {
        at_work(bed);
        bed.device("d0").progress(80);
    });
}

fn at_work(bed: &Testbed) {
    bed.set_fleet(1, b"firmware");
    bed.add_job("push", json!({}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
}

fn assert_survives(version: &str, set: &dyn Fn(&Testbed)) {
    let message = |bed: &Testbed, (): &()| -> Response {
        bed.device("d0").publish("inform", json!({"id": 1, "params": {"version": version}}).to_string())
    };
    let tried = survives(&Scene { set, message: &message, is_repeatable: true }, &Fault::ALL);
    assert!(tried >= 3, "{tried} faults");
}
