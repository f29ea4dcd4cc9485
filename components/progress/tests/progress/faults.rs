//! The database fails at the n-th statement of a report, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, survives};
use serde_json::json;

use crate::{granted, offered};

#[test]
fn a_step_that_begins_survives_every_fault() {
    assert_survives(10, &|bed| drop(granted(bed)));
}

#[test]
fn a_step_that_takes_the_slot_of_an_offer_survives_every_fault() {
    assert_survives(90, &|bed| drop(offered(bed, 1)));
}

#[test]
fn a_step_without_a_slot_survives_every_fault() {
    assert_survives(10, &|bed| {
        offered(bed, 1);
        bed.device("d1").progress(10);
    });
}

#[test]
fn a_failure_that_ends_its_job_survives_every_fault() {
    assert_survives(-4, &|bed| {
        granted(bed);
        bed.device("d0").progress(10);
    });
}

#[test]
fn a_further_step_survives_every_fault() {
    assert_survives(50, &|bed| {
        granted(bed);
        bed.device("d0").progress(10);
    });
}

fn assert_survives(step: i64, set: &dyn Fn(&Testbed)) {
    let message = |bed: &Testbed, (): &()| -> Response {
        bed.device("d0").publish("progress", json!({"params": {"step": step}}).to_string())
    };
    let tried = survives(&Scene { set, message: &message, is_repeatable: true }, &Fault::ALL);
    assert!(tried >= 3, "{tried} faults");
}
