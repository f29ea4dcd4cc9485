//! Statements per message, `BEGIN` and `COMMIT` among them, against what the cost contract of the design allows.
//!
//! The handlers run natively over stores that count.

use http::{Method, StatusCode, header};
use ota_testbed::{Device, Testbed, image};
use serde_json::json;

use crate::page::Row;

/// A transaction of ten statements, the read before it that finds something to decide, and the one after it that finds
/// nothing more.
const DECISION: usize = 12;
/// How often an unchanged inform writes *last heard* (ms).
const HEARD_EVERY: i64 = 300_000;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = quiet();
    rows.extend(pushed());
    rows.extend(requested());
    rows
}

/// Nothing is to be done.
fn quiet() -> Vec<Row> {
    let bed = Testbed::with_fleet(1, &image(1000));
    let device = bed.device("d0");
    device.inform("1");
    let mut counter = Counter::new(&bed);
    counter.sql("inform, unchanged", 1, || device.inform("1"));
    bed.pass(HEARD_EVERY);
    counter.sql("inform, unchanged for 300 s", 2, || device.inform("1"));
    bed.pass(5_000);
    counter.both("getversion, the first in 5 s", (1, 2), || device.getversion());
    counter.both("getversion, nothing open", (0, 1), || device.getversion());
    // A bridge that the ledger does not know is asked for its sessions first.
    bed.sweep("b", &[]);
    bed.sweep("b", &[]);
    counter.sql("sweep, nothing due", 10, || bed.sweep("b", &[]));
    counter.rows
}

/// One device through a push job.
fn pushed() -> Vec<Row> {
    let bed = Testbed::with_fleet(1, &image(600_000));
    let device = bed.device("d0");
    bed.add_job("push", json!({}));
    let mut counter = Counter::new(&bed);
    let told = counter.sql("inform that is granted an upgrade", DECISION, || device.inform("1"));
    let get = |range: Option<&str>| {
        let mut request = device.fetch(told.file_url()).method(Method::GET);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        request.body(Vec::new()).map(|request| bed.send(&request).status())
    };
    let first = counter.sql("download, first range", DECISION, || get(Some("bytes=0-9999")));
    let next = counter.sql("download, a further range", 1, || get(Some("bytes=10000-19999")));
    let whole = counter.sql("download, to its last byte", DECISION, || get(None));
    let statuses = [first.ok(), next.ok(), whole.ok()];
    debug_assert_eq!(
        statuses,
        [Some(StatusCode::PARTIAL_CONTENT), Some(StatusCode::PARTIAL_CONTENT), Some(StatusCode::OK)]
    );
    progress(&mut counter, &device);
    // A new version may be what an incremental job waits for: one read more.
    counter.sql("inform of the new version", DECISION + 1, || device.inform("2"));
    counter.rows
}

fn progress(counter: &mut Counter<'_>, device: &Device<'_>) {
    counter.sql("progress, a new step of 10 %", DECISION, || device.progress(80));
    counter.sql("progress, inside a step of 10 %", 1, || device.progress(81));
}

/// One device through a request job.
fn requested() -> Vec<Row> {
    let bed = Testbed::with_fleet(1, &image(1000));
    let device = bed.device("d0");
    bed.add_job("request", json!({}));
    bed.pass(5_000);
    device.getversion();
    let mut counter = Counter::new(&bed);
    counter.sql("getversion that is offered a firmware", DECISION, || device.getversion());
    counter.sql("progress that takes the slot of an offer", DECISION, || device.progress(10));
    counter.sql("progress of a failure", DECISION, || device.progress(-2));
    counter.rows
}

/// Counts what acts do to the stores of a testbed.
struct Counter<'b> {
    bed: &'b Testbed,
    rows: Vec<Row>,
}

impl<'b> Counter<'b> {
    fn new(bed: &'b Testbed) -> Self {
        Self { bed, rows: Vec::new() }
    }

    /// Counts the statements of `act`.
    fn sql<T>(&mut self, what: &str, allowed: usize, act: impl FnOnce() -> T) -> T {
        let before = self.bed.sql.count();
        let result = act();
        self.push(what, "SQL", self.bed.sql.count() - before, allowed);
        result
    }

    /// Counts the statements of `act`, and its calls to the key-value store.
    fn both<T>(&mut self, what: &str, (sql, kv): (usize, usize), act: impl FnOnce() -> T) -> T {
        let before = self.bed.kv.count();
        let result = self.sql(what, sql, act);
        self.push(what, "KV", self.bed.kv.count() - before, kv);
        result
    }

    #[expect(clippy::cast_precision_loss, reason = "there are a handful")]
    fn push(&mut self, what: &str, unit: &'static str, count: usize, allowed: usize) {
        self.rows.push(Row {
            what: what.to_owned(),
            measured: count as f64,
            against: "the cost contract".to_owned(),
            baseline: allowed as f64,
            unit,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_costs_at_most_what_the_contract_allows() {
        for row in rows() {
            assert!(row.measured <= row.baseline, "{row:?}");
        }
    }
}
