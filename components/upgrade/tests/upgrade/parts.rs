//! A part of a sweep that fails every time, as it does over a row that cannot be read: the other parts do their work,
//! and the answer says that it failed.

use std::cell::Cell;

use http::{Method, StatusCode};
use ota_ledger::{Row, Sql, SqlError, Value as SqlValue};
use ota_platform::{Gateway, Response};
use ota_testbed::{Database, Testbed, json};
use serde_json::{Value, json};

use crate::{IMAGE, connected, push_id};

/// A database in which statements that hold `word`, or have it for a parameter, fail.
struct Failing<'b> {
    sql: &'b Database,
    word: &'b str,
    count: Cell<usize>,
}

impl<'b> Failing<'b> {
    fn new(bed: &'b Testbed, word: &'b str) -> Self {
        Self { sql: &bed.sql, word, count: Cell::new(0) }
    }

    fn check(&self, sql: &str, params: &[SqlValue]) -> Result<(), SqlError> {
        let is_word = |value: &SqlValue| matches!(value, SqlValue::Text(text) if text == self.word);
        if !sql.contains(self.word) && !params.iter().any(is_word) {
            return Ok(());
        }
        self.count.set(self.count.get() + 1);
        Err(SqlError("a fault of the test".to_owned()))
    }
}

impl Sql for Failing<'_> {
    fn execute(&self, sql: &str, params: &[SqlValue]) -> Result<u64, SqlError> {
        self.check(sql, params)?;
        self.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        self.check(sql, params)?;
        self.sql.query(sql, params)
    }
}

/// A statement of each part of the ledger's sweep.
const PARTS: [&str; 6] = [
    "j.state = 'preparing' ORDER BY",
    "deadline <= ",
    "j.stage < j.last_stage",
    "j.in_flight < j.max_in_flight",
    "j.state = 'deleted'",
    "j.checked_at <= ",
];

/// Two devices that were told once and are to be told again, and a stopped job of which a hook is to be told.
fn to_tell(bed: &Testbed) {
    connected(bed, 2, json!({}));
    bed.sweep("b", &[]);
    stop_a_job(bed);
    bed.pass(2_000);
}

fn stop_a_job(bed: &Testbed) {
    bed.operate(Method::POST, "/api/v1/hooks", json!({"url": "https://hooks.test/"}).to_string());
    bed.add_firmware("3", b"another firmware");
    let job = bed.add_job("request", json!({"to": "3"}));
    bed.stop(&job);
}

fn tick(bed: &Testbed, failing: &Failing<'_>, body: &Value) -> Response {
    let gateway = Gateway { sql: failing, ..bed.gateway() };
    ota_upgrade::handle(&gateway, &bed.by_bridge("/internal/sweep", body.to_string()))
}

fn told(swept: &Value) -> usize {
    swept["commands"].as_array().unwrap().len()
}

#[test]
fn a_part_that_fails_keeps_neither_commands_nor_hooks_from_being_told() {
    for part in PARTS {
        let bed = Testbed::new();
        to_tell(&bed);
        let failing = Failing::new(&bed, part);
        let response = tick(&bed, &failing, &json!({"bridge": "b"}));
        assert_ne!(failing.count.get(), 0, "{part} is not asked");
        assert_eq!(response.status(), StatusCode::OK, "{part}: a bridge takes commands from nothing else");
        let swept = json(&response);
        assert_eq!((told(&swept), &swept["failing"]), (2, &json!(["sweep"])), "{part}");
        assert_eq!(bed.outbound.requests.take().len(), 1, "{part}: the hook is told");
    }
}

#[test]
fn a_cron_is_told_by_the_status_and_everybody_else_what_is_for_them() {
    for part in PARTS {
        let bed = Testbed::with_fleet(1, IMAGE);
        bed.add_job("push", json!({}));
        bed.device("d0").inform("1");
        stop_a_job(&bed);
        bed.pass(2_000);
        let response = tick(&bed, &Failing::new(&bed, part), &json!({}));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{part}");
        let sent = bed.outbound.requests.take();
        let hosts: Vec<_> = sent.iter().map(|sent| sent.uri().host().unwrap()).collect();
        assert_eq!(hosts, ["broker.test", "hooks.test"], "{part}");
    }
}

#[test]
fn an_acknowledgement_that_cannot_be_written_is_brought_again_and_keeps_nobody_waiting() {
    let bed = Testbed::new();
    let job = connected(&bed, 3, json!({}));
    let ids: Vec<String> = bed.sweep("b", &[])["commands"].as_array().unwrap().iter().map(push_id).collect();
    bed.pass(2_000);
    let brought = json!({"bridge": "b", "acknowledged": ids[..2]});
    let failing = Failing::new(&bed, &ids[0]);
    let swept = json(&tick(&bed, &failing, &brought));
    assert_eq!((&swept["unheard"], &swept["failing"]), (&json!([ids[0]]), &json!(["acknowledgements"])));
    assert_eq!(told(&swept), 2, "whoever was not heard, and whoever did not answer");
    let acknowledged = || bed.events().iter().filter(|kind| *kind == "acknowledged").count();
    assert_eq!(acknowledged(), 1);
    let swept = bed.sweep("b", &[&ids[0]]);
    assert_eq!((&swept["unheard"], &swept["failing"]), (&json!([]), &json!([])));
    assert_eq!((acknowledged(), &bed.job(&job)["in_flight"]), (2, &json!(3)));
}

#[test]
fn commands_that_cannot_be_read_are_503_and_hooks_are_told() {
    let bed = Testbed::new();
    to_tell(&bed);
    let failing = Failing::new(&bed, "t.push_at <= ");
    let response = tick(&bed, &failing, &json!({"bridge": "b", "acknowledged": ["1"]}));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bed.outbound.requests.take().len(), 1);
}

#[test]
fn a_command_that_cannot_be_written_keeps_no_other_from_its_device() {
    let bed = Testbed::new();
    connected(&bed, 2, json!({"devices": ["d0"]}));
    bed.add_firmware("3", b"another firmware");
    bed.add_job("push", json!({"to": "3", "devices": ["d1"]}));
    bed.sql.alter("UPDATE firmware SET size = 9100000000000000 WHERE version = '2'");
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], told(&swept)), (&json!(2), 1));
    assert_eq!(swept["commands"][0]["device"], "d1");
}

#[test]
fn a_device_that_cannot_be_granted_keeps_no_other_from_it() {
    let bed = Testbed::new();
    let job = connected(&bed, 3, json!({}));
    let failing = Failing::new(&bed, "d0");
    let swept = json(&tick(&bed, &failing, &json!({"bridge": "b"})));
    assert_eq!((told(&swept), &swept["failing"]), (2, &json!(["sweep"])));
    assert_eq!(failing.count.get(), 1, "what failed with a schema that is current is not run again");
    assert_eq!(
        (bed.task(&job, "d0")["state"].clone(), &bed.job(&job)["in_flight"]),
        (json!("waiting"), &json!(2))
    );
    assert_eq!(bed.sweep("b", &[])["granted"], 1);
}

#[test]
fn a_sweep_that_can_grant_nobody_tries_three() {
    let bed = Testbed::new();
    connected(&bed, 10, json!({}));
    let failing = Failing::new(&bed, "UPDATE device SET session = session");
    assert_eq!(json(&tick(&bed, &failing, &json!({"bridge": "b"})))["failing"], json!(["sweep"]));
    assert_eq!(failing.count.get(), 3);
}

#[test]
fn a_command_that_cannot_be_taken_keeps_no_other_from_its_device() {
    let bed = Testbed::new();
    connected(&bed, 3, json!({}));
    bed.sweep("b", &[]);
    bed.pass(2_000);
    let failing = Failing::new(&bed, "d1");
    let swept = json(&tick(&bed, &failing, &json!({"bridge": "b"})));
    assert_eq!((told(&swept), &swept["failing"]), (2, &json!(["commands"])));
    assert_eq!(bed.sweep("b", &[])["commands"][0]["device"], "d1", "it is due again");
}

#[test]
fn what_cannot_be_taken_away_keeps_nothing_else_from_it() {
    for failing in ["DELETE FROM task WHERE job", "UPDATE bridge SET suspected", "DELETE FROM outbox"] {
        let bed = Testbed::new();
        to_tell(&bed);
        bed.sweep("b", &[]);
        bed.sql.alter("UPDATE job SET state = 'deleted', filled_to = '' WHERE state = 'stopped'");
        bed.sql.alter("UPDATE bridge SET silent_from = 0");
        bed.sql.alter("UPDATE outbox SET delivered_at = 1");
        let failing = Failing::new(&bed, failing);
        tick(&bed, &failing, &json!({"bridge": "another"}));
        assert_ne!(failing.count.get(), 0, "{}", failing.word);
        let left = |sql| bed.sql.look(sql)[0].int(0).unwrap();
        let left = [
            left("SELECT COUNT(*) FROM task t JOIN job j ON j.job = t.job WHERE j.state = 'deleted'") > 0,
            left("SELECT COUNT(*) FROM bridge WHERE bridge = 'b' AND suspected = 0") > 0,
            left("SELECT COUNT(*) FROM outbox") > 0,
        ];
        assert_eq!(left.iter().filter(|is_left| **is_left).count(), 1, "{}: {left:?}", failing.word);
    }
}
