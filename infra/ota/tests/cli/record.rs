//! Records as the gateway answers them.

use serde_json::{Value, json};

/// A job of 20 devices in this state, with these fields besides.
pub(crate) fn job(state: &str, fields: &Value) -> String {
    let mut job = json!({
        "job": "7", "product": "demo", "to": "2.0", "kind": "upgrade", "mode": "push", "policy": "snapshot",
        "downgrade": false, "state": state, "hard": false, "held_because": null, "filled": true,
        "devices": 20, "waiting": 0, "in_flight": 0, "succeeded": 0, "failed": 0, "timed_out": 0,
        "canceled": 0, "skipped": 0, "exposed": 0, "begun": 0, "lost": 0, "retrying": 0,
        "forgiven": { "lost": 0, "succeeded": 0 },
        "loss_budget": 10, "growth": 100, "bound": 10, "max_failure_rate": 5, "max_in_flight": 300,
        "per_minute": 0, "retry": { "attempts": 1, "backoff": 60, "reasons": ["download_failed"] },
        "first_sign_within": 300, "upgrade_timeout": 7200, "confirm_within": 60, "reachable_within": 600,
        "stage": null, "starts_at": 0, "zone": null, "windows": [], "opens_at": null, "created_at": 0
    });
    job.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    job.to_string()
}

/// A moment in the far future, ms since 1970, and its text.
pub(crate) const LATER: (i64, &str) = (4_102_444_800_000, "2100-01-01T00:00:00Z");
