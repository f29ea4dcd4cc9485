//! The database fails at the n-th statement of a sweep or a reply, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, survives};
use serde_json::{Value, json};

use crate::{IMAGE, connected};

#[test]
fn a_sweep_that_grants_and_delivers_survives_every_fault() {
    // One device: of several, one that fails lets another go first, and the end is another.
    assert_sweep_survives(&|bed| drop(connected(bed, 1, json!({"loss_budget": 1}))));
}

#[test]
fn a_sweep_that_lapses_survives_every_fault() {
    assert_sweep_survives(&|bed| {
        connected(bed, 2, json!({"loss_budget": 1, "first_sign_within": 1}));
        bed.sweep("b", &[]);
        bed.pass(1_000);
    });
}

#[test]
fn a_sweep_that_times_out_and_holds_survives_every_fault() {
    assert_sweep_survives(&|bed| {
        connected(bed, 2, json!({"loss_budget": 1, "growth": 0, "upgrade_timeout": 1}));
        bed.sweep("b", &[]);
        for device in ["d0", "d1"] {
            bed.device(device).progress(10);
        }
        bed.pass(1_000);
    });
}

#[test]
fn a_reply_survives_every_fault() {
    let set = |bed: &Testbed| -> Value {
        bed.set_fleet(1, IMAGE);
        bed.add_job("push", json!({}));
        bed.device("d0").inform("1").push_id().clone()
    };
    let message = |bed: &Testbed, push_id: &Value| -> Response {
        bed.device("d0").publish("upgrade_reply", json!({"id": push_id, "code": 200}).to_string())
    };
    assert!(survives(&Scene { set: &set, message: &message, is_repeatable: true }, &Fault::ALL) >= 10);
}

fn assert_sweep_survives(set: &dyn Fn(&Testbed)) {
    let message = |bed: &Testbed, (): &()| -> Response {
        bed.send(&bed.by_bridge("/internal/sweep", json!({"bridge": "b"}).to_string()))
    };
    let tried = survives(&Scene { set, message: &message, is_repeatable: true }, &Fault::ALL);
    assert!(tried >= 10, "{tried} faults");
}
