//! A sweep on a machine that is slow: it ends in time, says that there is more, and the next goes on.

use std::cell::RefCell;

use http::{Method, StatusCode};
use ota_ledger::{Row, Sql, SqlError, Value as SqlValue};
use ota_platform::Gateway;
use ota_platform::ports::{Clock as _, Outbound, OutboundError};
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::{connected, push_id};

/// A database that takes its time for each statement (ms), by the clock of the testbed.
struct Slow<'b> {
    bed: &'b Testbed,
    takes: i64,
}

impl Sql for Slow<'_> {
    fn execute(&self, sql: &str, params: &[SqlValue]) -> Result<u64, SqlError> {
        self.bed.pass(self.takes);
        self.bed.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[SqlValue]) -> Result<Vec<Row>, SqlError> {
        self.bed.pass(self.takes);
        self.bed.sql.query(sql, params)
    }
}

/// What a sweep says, and how long it took (ms).
fn sweep(bed: &Testbed, takes: i64, acknowledged: &[String]) -> (Value, i64) {
    let gateway = Gateway { sql: &Slow { bed, takes }, ..bed.gateway() };
    let tick = json!({"bridge": "b", "acknowledged": acknowledged});
    let begun = bed.now_ms();
    let response = ota_upgrade::handle(&gateway, &bed.by_bridge("/internal/sweep", tick.to_string()));
    (json(&response), bed.now_ms() - begun)
}

#[test]
fn a_sweep_grants_as_many_as_it_has_time_for_and_the_next_ones_the_others() {
    let bed = Testbed::new();
    let terms = json!({"loss_budget": 1000, "max_in_flight": 1000, "first_sign_within": 3600});
    let job = connected(&bed, 250, terms);
    let mut sweeps = 0;
    loop {
        let (swept, took) = sweep(&bed, 5, &[]);
        assert!(took < 4_000, "{took} ms");
        assert_eq!(swept["failing"], json!([]));
        sweeps += 1;
        if swept["more"] == false {
            break;
        }
        assert!((1..=120).contains(&swept["granted"].as_u64().unwrap()), "{}", swept["granted"]);
    }
    assert!(sweeps > 2, "{sweeps} sweeps");
    assert_eq!(bed.job(&job)["in_flight"], 250);
}

#[test]
fn a_sweep_concludes_as_much_as_it_has_time_for() {
    let bed = Testbed::new();
    connected(&bed, 100, json!({"loss_budget": 1000, "first_sign_within": 10}));
    assert_eq!(bed.sweep("b", &[])["granted"], 100);
    bed.pass(10_000);
    let (swept, took) = sweep(&bed, 10, &[]);
    assert!((1..100).contains(&swept["lapsed"].as_u64().unwrap()), "{}", swept["lapsed"]);
    assert_eq!(swept["more"], true);
    assert!(took < 5_000, "{took} ms");
}

#[test]
fn acknowledgements_that_there_is_no_time_for_are_brought_again_and_leave_time_to_grant() {
    let bed = Testbed::new();
    connected(&bed, 150, json!({"loss_budget": 100, "growth": 0}));
    let commands = bed.sweep("b", &[])["commands"].clone();
    let ids: Vec<String> = commands.as_array().unwrap().iter().map(push_id).collect();
    assert_eq!(ids.len(), 100);
    bed.add_firmware("3", b"another firmware");
    bed.add_job("push", json!({"to": "3"}));
    let (swept, took) = sweep(&bed, 10, &ids);
    let unheard = swept["unheard"].as_array().unwrap();
    assert!((1..100).contains(&unheard.len()), "{}", unheard.len());
    assert_eq!((&swept["more"], &swept["failing"]), (&json!(true), &json!([])));
    assert_ne!(swept["granted"], 0);
    assert!(took < 5_000, "{took} ms");
    let heard = bed.events().iter().filter(|kind| *kind == "acknowledged").count();
    assert_eq!(heard, 100 - unheard.len());
}

/// A service beside us that takes its time and then answers nothing (ms).
struct Away<'b> {
    bed: &'b Testbed,
    takes: i64,
    asked: RefCell<Vec<String>>,
}

impl Outbound for Away<'_> {
    fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.bed.pass(self.takes);
        self.asked.borrow_mut().push(request.uri().host().unwrap().to_owned());
        Err(OutboundError("nobody is there".to_owned()))
    }
}

#[test]
fn a_broker_that_is_away_costs_a_cron_a_bounded_time_and_hooks_are_told_however_late_it_is() {
    let bed = Testbed::with_fleet(20, b"firmware");
    bed.operate(Method::POST, "/api/v1/hooks", json!({"url": "https://hooks.test/"}).to_string());
    bed.add_job("push", json!({"loss_budget": 20}));
    bed.add_firmware("3", b"another firmware");
    for _ in 0..2 {
        let job = bed.add_job("request", json!({"to": "3"}));
        bed.stop(&job);
    }
    let away = Away { bed: &bed, takes: 4_000, asked: RefCell::default() };
    let gateway = Gateway { outbound: &away, ..bed.gateway() };
    let begun = bed.now_ms();
    let response = ota_upgrade::handle(&gateway, &bed.by_bridge("/internal/sweep", ""));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(*away.asked.borrow(), ["broker.test", "broker.test", "hooks.test"]);
    assert!(bed.now_ms() - begun < 15_000);
}
