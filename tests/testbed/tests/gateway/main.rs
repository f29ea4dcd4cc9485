//! What all components have in common: their doors, what becomes of a bad message, the brokers' webhooks, and that
//! nothing that comes in breaks them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod doors;
mod messages;
mod nothing_breaks;
mod webhooks;

const IMAGE: &[u8] = b"firmware";
const UPLINKS: [&str; 4] = ["inform", "progress", "getversion", "upgrade_reply"];

/// A message that is right on the topic that ends in `verb`.
fn message(verb: &str) -> serde_json::Value {
    match verb {
        "inform" => serde_json::json!({"id": "7", "params": {"version": "1"}}),
        "progress" => serde_json::json!({"id": "7", "params": {"step": "10"}}),
        "upgrade_reply" => serde_json::json!({"id": "7", "code": 200, "data": {}}),
        _ => serde_json::json!({"id": "7", "params": {}}),
    }
}
