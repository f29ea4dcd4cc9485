//! Everything that the stores hold, as text that two runs of the same story share: without ids that are made up.

use ota_ledger::{Row, Value};

use crate::Testbed;

/// One table each: its name, and the columns that matter.
const TABLES: [(&str, &str); 7] = [
    (
        "device",
        "SELECT product, device, generation, version, heard_at, connected, bridge, session
            FROM device ORDER BY product, device",
    ),
    (
        "firmware",
        "SELECT product, version, sequence, size, sha256, quarantined_at FROM firmware
            ORDER BY product, sequence",
    ),
    (
        "job",
        "SELECT version, mode, state, held_because, devices, waiting, in_flight, succeeded, failed, timed_out,
            canceled, skipped, exposed, begun FROM job ORDER BY rowid",
    ),
    (
        "task",
        "SELECT t.device, j.version, t.state, t.attempt, t.exposed, t.begun, t.signed, t.offered, t.downloaded,
            t.returned, t.refused, t.from_version, t.step, t.detail, t.reason, t.push_id IS NULL, t.granted_at,
            t.deadline, t.ended_at, t.ready_until
            FROM task t JOIN job j ON j.job = t.job ORDER BY j.rowid, t.device",
    ),
    (
        "hook",
        "SELECT url, product, kinds, failures, failing_since, last_error, removed_at FROM hook
            ORDER BY created_at, url",
    ),
    ("outbox", "SELECT event, kind, tries, last_error, delivered_at, given_up_at FROM outbox ORDER BY event"),
    (
        "event",
        "SELECT kind, product, device, job IS NULL, actor,
            CASE WHEN kind NOT IN ('quarantined', 'hook_created', 'hook_removed') THEN detail END FROM event ORDER BY number",
    ),
];

impl Testbed {
    /// All rows, and how many of the stored objects' parts each firmware has, and how many belong to none.
    pub fn state(&self) -> String {
        let is_new = self.sql.look("SELECT 1 FROM sqlite_master WHERE name = 'migration'").is_empty();
        let mut lines = Vec::new();
        for (table, sql) in TABLES.iter().filter(|_| !is_new) {
            lines.extend(self.sql.look(sql).iter().map(|row| format!("{table}: {}", shown(row))));
        }
        let objects = if is_new { Vec::new() } else { self.sql.look("SELECT object FROM firmware") };
        let mut parts = self.kv.keys("image:");
        for row in objects {
            let prefix = format!("image:{}:", row.text(0).unwrap());
            let before = parts.len();
            parts.retain(|key| !key.starts_with(&prefix));
            lines.push(format!("object: {} parts", before - parts.len()));
        }
        lines.push(format!("objects of nobody: {} parts", parts.len()));
        lines.join("\n")
    }
}

fn shown(row: &Row) -> String {
    let values = row.0.iter().map(|value| match value {
        Value::Null => "–".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => format!("{text:?}"),
    });
    values.collect::<Vec<_>>().join(" ")
}
