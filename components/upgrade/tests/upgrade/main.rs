//! The commands: what devices answer to them, and the sweep that grants, delivers, lapses and times out; each with
//! every field that can be wrong, and with stores that fail.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod delivery;
mod faults;
mod hooks;
mod parts;
mod replies;
mod sweeps;
mod ticks;
mod time;

use ota_testbed::Testbed;
use serde_json::{Value, json};

const IMAGE: &[u8] = b"firmware";

/// A push job over `count` devices that bridge `b` holds; the job.
fn connected(bed: &Testbed, count: usize, terms: Value) -> String {
    bed.set_fleet(count, IMAGE);
    let events: Vec<Value> = (0..count)
        .map(|n| json!({"event": "connected", "product": "pk", "device": format!("d{n}"), "bridge": "b", "session": n}))
        .collect();
    let response = bed.send(&bed.by_bridge("/mqtt/presence", json!(events).to_string()));
    assert_eq!(response.status(), 200);
    bed.add_job("push", terms)
}

/// The id of a command of a sweep.
fn push_id(command: &Value) -> String {
    let payload: Value = serde_json::from_str(command["payload"].as_str().unwrap()).unwrap();
    payload["id"].as_str().unwrap().to_owned()
}
