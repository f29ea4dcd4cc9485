//! progress, from the request to the answer: every field that can be wrong, what a step does to which task, what it
//! costs, and what becomes of it when a store fails.

mod cost;
mod faults;
mod fields;
mod steps;

use ota_testbed::Testbed;
use serde_json::json;

const IMAGE: &[u8] = b"firmware";

/// A push job whose only device `d0` was told of it; the job.
fn granted(bed: &Testbed) -> String {
    bed.set_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    assert!(bed.device("d0").inform("1").command.is_some());
    job
}

/// A request job with places for `budget` devices, offered to `d0` and `d1`; the job.
fn offered(bed: &Testbed, budget: i64) -> String {
    bed.set_fleet(2, IMAGE);
    let job = bed.add_job("request", json!({"loss_budget": budget, "growth": 0}));
    for device in ["d0", "d1"] {
        assert_eq!(bed.device(device).getversion().versions(), ["2"]);
    }
    job
}
