//! Many devices that come at once, as after a power cut: few transactions, a bounded time, and none of them in
//! another's way.

use http::StatusCode;
use ota_ledger::{Row, Sql, SqlError, Value as SqlValue};
use ota_platform::ports::Clock as _;
use ota_platform::{Gateway, Response};
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::IMAGE;

/// A database that takes its time for each statement (ms), and in which reading the tasks of one device fails.
struct Trying<'b> {
    bed: &'b Testbed,
    takes: i64,
    unreadable: &'b str,
}

impl Sql for Trying<'_> {
    fn execute(&self, sql: &str, params: &[SqlValue]) -> Result<u64, SqlError> {
        self.bed.pass(self.takes);
        self.bed.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        self.bed.pass(self.takes);
        let is_his = |value: &SqlValue| matches!(value, SqlValue::Text(text) if text == self.unreadable);
        if sql.contains("LEFT JOIN task") && params.iter().any(is_his) {
            return Err(SqlError("a fault of the test".to_owned()));
        }
        self.bed.sql.query(sql, params)
    }
}

fn coming(count: usize) -> Value {
    let came = |n| json!({"event": "connected", "product": "pk", "device": format!("d{n}"), "bridge": "b", "session": n});
    (0..count).map(came).collect()
}

fn report(sql: &dyn Sql, bed: &Testbed, events: &Value) -> Response {
    let gateway = Gateway { sql, ..bed.gateway() };
    ota_access::handle(&gateway, &bed.by_bridge("/mqtt/presence", events.to_string()))
}

#[test]
fn a_crowd_is_one_transaction_for_fifty_and_one_read_each() {
    let bed = Testbed::with_fleet(250, IMAGE);
    let before = bed.sql.count();
    assert_eq!(report(&bed.sql, &bed, &coming(250)).status(), StatusCode::OK);
    let (begins_and_commits, deliveries) = (5 * 2, 1);
    assert_eq!(bed.sql.count() - before, begins_and_commits + 250 * 3 + 250 + deliveries);
    let connected = bed.sql.look("SELECT COUNT(*) FROM device WHERE connected = 1 AND bridge = 'b'");
    assert_eq!(connected[0].int(0).unwrap(), 250);
}

#[test]
fn a_crowd_on_a_slow_machine_is_there_in_time_and_the_sweep_grants_those_that_were_not() {
    let bed = Testbed::with_fleet(200, IMAGE);
    bed.pass(700_000);
    let job = bed.add_job("push", json!({"loss_budget": 1000}));
    let begun = bed.now_ms();
    let slow = Trying { bed: &bed, takes: 5, unreadable: "nobody" };
    assert_eq!(report(&slow, &bed, &coming(200)).status(), StatusCode::OK);
    assert!(bed.now_ms() - begun < 7_000, "{} ms", bed.now_ms() - begun);
    let granted = bed.job(&job)["in_flight"].as_u64().unwrap();
    assert!((1..150).contains(&granted), "{granted}");
    assert_eq!(bed.sweep("b", &[])["granted"], 200 - granted);
}

#[test]
fn a_device_that_cannot_be_read_keeps_no_other_from_being_there() {
    let bed = Testbed::with_fleet(3, IMAGE);
    let job = bed.add_job("push", json!({}));
    let trying = Trying { bed: &bed, takes: 0, unreadable: "d1" };
    let told = report(&trying, &bed, &coming(3));
    assert_eq!((told.status(), json(&told)["commands"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)));
    assert_eq!(bed.job(&job)["in_flight"], 2);
}

#[test]
fn whoever_came_and_went_again_is_granted_nothing() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let job = bed.add_job("push", json!({}));
    let mut events = coming(2);
    let went = json!({"event": "disconnected", "product": "pk", "device": "d0", "bridge": "b", "session": 0});
    events.as_array_mut().unwrap().push(went);
    assert_eq!(report(&bed.sql, &bed, &events).status(), StatusCode::OK);
    assert_eq!(bed.task(&job, "d0")["state"], "waiting");
    assert_eq!(bed.task(&job, "d1")["state"], "granted");
}
