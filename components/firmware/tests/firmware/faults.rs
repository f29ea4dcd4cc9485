//! A store fails at the n-th call of a download, for every n.

use ota_platform::Response;
use ota_testbed::{Fault, Scene, Testbed, image, survives};
use serde_json::{Value, json};

use crate::{get, granted, offered};

#[test]
fn a_pushed_download_survives_every_fault() {
    assert_survives(&|bed| granted(bed, &image(300_000)).1);
}

#[test]
fn the_download_of_an_offer_survives_every_fault() {
    assert_survives(&|bed| {
        bed.set_fleet(1, b"firmware");
        bed.add_job("request", json!({}));
        offered(&bed.device("d0"))
    });
}

#[test]
fn finding_damage_survives_every_fault() {
    assert_survives(&|bed| {
        bed.set_fleet(2, b"firmware");
        bed.add_job("push", json!({"devices": ["d0"]}));
        bed.add_job("push", json!({"devices": ["d1"]}));
        bed.device("d1").inform("1");
        let url = bed.device("d0").inform("1").file_url().clone();
        bed.kv.alter(&bed.kv.keys("image:")[0], |value| value.as_mut().unwrap()[0] ^= 1);
        url
    });
}

#[test]
fn a_download_without_a_slot_is_503_whatever_fails_and_blames_nobody() {
    let bed = Testbed::with_fleet(2, b"firmware");
    bed.add_job("request", json!({"loss_budget": 1, "growth": 0}));
    let url = offered(&bed.device("d1"));
    offered(&bed.device("d0"));
    assert_eq!(bed.device("d0").progress(10), 200);
    for fault in Fault::ALL {
        for n in 0..20 {
            bed.sql.fail_at(n, fault);
            let status = get(&bed, &url, &[]).response.status();
            bed.sql.heal();
            assert_eq!(status, 503);
        }
    }
    assert_eq!(bed.device("d1").progress(-2), 200);
    let tasks = bed.sql.look("SELECT state, exposed FROM task WHERE device = 'd1'");
    assert_eq!(tasks[0].text(0).unwrap(), "waiting");
    assert_eq!(tasks[0].int(1).unwrap(), 0);
}

fn assert_survives(set: &dyn Fn(&Testbed) -> Value) {
    let message = |bed: &Testbed, url: &Value| -> Response { get(bed, url, &[]).response };
    let tried = survives(&Scene { set, message: &message, is_repeatable: true }, &Fault::ALL);
    assert!(tried >= 10, "{tried} faults");
}
