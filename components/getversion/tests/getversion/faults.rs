//! A store fails at the n-th call of a question, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, survives};
use serde_json::json;

use crate::IMAGE;

#[test]
fn a_question_with_nothing_open_survives_every_fault() {
    assert_survives(&|bed| bed.set_fleet(1, IMAGE));
}

#[test]
fn a_first_offer_survives_every_fault() {
    assert_survives(&|bed| {
        bed.set_fleet(1, IMAGE);
        bed.add_firmware("3", b"firmware 3");
        bed.add_job("request", json!({}));
        bed.add_job("request", json!({"to": "3"}));
    });
}

fn assert_survives(set: &dyn Fn(&Testbed)) {
    let message = |bed: &Testbed, (): &()| -> Response { bed.device("d0").publish("getversion", "{}") };
    let tried = survives(&Scene { set, message: &message, is_repeatable: true }, &Fault::ALL);
    assert!(tried >= 3, "{tried} faults");
}
