//! Sessions whose bridge died: nobody can deliver to them, so they take no slot from those who are there.

use ota_ledger::deliver::Recipient;
use ota_ledger::job::NewJob;
use ota_ledger::presence::Session;
use ota_ledger::{Sql, Value};
use ota_rollout::{JobState, Mode, TaskState, Terms};

use crate::ledger::store::{Store, id, terms};

fn connect(store: &Store, device: &str, bridge: &str) {
    let session = Session { id: id(device), bridge: Some(bridge.to_owned()), number: 1 };
    store.session_begins(&session);
}

/// One call of the bridge's ticker, and a second one when it must report its sessions: it says that it does.
fn tick(store: &Store, bridge: &str) -> bool {
    let swept = store.sweep();
    if must_report(store, bridge, false) {
        assert!(!must_report(store, bridge, true), "{bridge} reports");
    }
    swept.more
}

fn must_report(store: &Store, name: &str, is_reporting: bool) -> bool {
    store.due_for(Recipient::Bridge { name, is_reporting }).must_report
}

/// The bridge ticks for so long (s), every ten seconds.
fn ticks_for(store: &Store, bridge: &str, seconds: i64) {
    for _ in 0..seconds / 10 {
        store.pass(10_000);
        while tick(store, bridge) {}
    }
}

fn is_connected(store: &Store, device: &str) -> bool {
    store.act(|ledger| ledger.device(&id(device)).unwrap()).unwrap().0.is_connected
}

#[test]
fn sessions_of_a_bridge_that_died_take_no_slot_of_a_job_that_waited_for_them() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, Terms { max_in_flight: 1, ..terms(10) });
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    for (device, bridge) in [("d0", "died"), ("d1", "died"), ("d2", "well")] {
        connect(&store, device, bridge);
    }
    tick(&store, "died");
    tick(&store, "well");
    ticks_for(&store, "well", 600);
    assert_eq!(["d0", "d1", "d2"].map(|device| is_connected(&store, device)), [false, false, true]);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!((store.sweep().granted, store.state(&job, "d2")), (1, TaskState::Granted));
    store.succeed("d2");
    assert_eq!(store.sweep().granted, 0);
    store.check(&job);
}

#[test]
fn sessions_of_a_bridge_that_died_are_out_of_the_reach_of_a_job_that_comes_later() {
    let store = Store::with_devices(2);
    connect(&store, "d0", "died");
    tick(&store, "died");
    ticks_for(&store, "well", 900);
    let job = store.job(Mode::Push, terms(10));
    assert_eq!(store.sweep().granted, 0);
    connect(&store, "d0", "well");
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
}

#[test]
fn a_bridge_that_ticks_keeps_its_sessions_and_so_does_a_broker() {
    let store = Store::with_devices(2);
    connect(&store, "d0", "b1");
    store.session_begins(&Session { id: id("d1"), bridge: None, number: 0 });
    ticks_for(&store, "b1", 3600);
    assert!(is_connected(&store, "d0") && is_connected(&store, "d1"));
}

#[test]
fn a_gateway_that_was_away_blames_no_bridge_for_it() {
    let store = Store::with_devices(2);
    for (device, bridge) in [("d0", "b1"), ("d1", "b2")] {
        connect(&store, device, bridge);
        tick(&store, bridge);
    }
    store.pass(3_600_000);
    tick(&store, "b1");
    store.pass(40_000);
    tick(&store, "b2");
    ticks_for(&store, "b2", 10);
    assert!(is_connected(&store, "d0") && is_connected(&store, "d1"));
    ticks_for(&store, "b2", 120);
    assert!(!is_connected(&store, "d0") && is_connected(&store, "d1"), "the first ticked once and no more");
}

#[test]
fn a_device_that_has_gone_over_to_another_bridge_is_none_of_the_dead_ones() {
    let store = Store::with_devices(1);
    connect(&store, "d0", "died");
    tick(&store, "died");
    connect(&store, "d0", "well");
    ticks_for(&store, "well", 300);
    assert!(is_connected(&store, "d0"));
}

#[test]
fn a_bridge_that_was_cut_off_reports_its_sessions_and_gets_them_back() {
    let store = Store::with_devices(3);
    for device in ["d0", "d1", "d2"] {
        connect(&store, device, "cut off");
    }
    tick(&store, "cut off");
    assert!(!must_report(&store, "cut off", false), "nothing ended");
    ticks_for(&store, "well", 180);
    assert!(!is_connected(&store, "d0"));
    let went = Session { id: id("d2"), bridge: Some("cut off".to_owned()), number: 1 };
    assert!(must_report(&store, "cut off", false));
    assert!(must_report(&store, "cut off", false), "until it says that it does");
    assert!(!must_report(&store, "cut off", true));
    connect(&store, "d0", "cut off");
    connect(&store, "d0", "cut off");
    store.session_ends(&went);
    connect(&store, "d2", "cut off");
    assert_eq!(["d0", "d1", "d2"].map(|device| is_connected(&store, device)), [true, false, false]);
    store.pass(700_000);
    store.job(Mode::Push, terms(10));
    assert_eq!(store.sweep().granted, 1);
    let due = store.due_for(Recipient::Bridge { name: "cut off", is_reporting: false });
    assert_eq!(due.commands.len(), 1);
}

#[test]
fn a_bridge_that_the_ledger_does_not_know_reports_its_sessions() {
    let store = Store::with_devices(1);
    assert!(must_report(&store, "b1", false));
    assert!(!must_report(&store, "b1", true));
    assert!(!must_report(&store, "b1", false));
    store.sql.execute("DELETE FROM bridge", &[]).unwrap();
    assert!(must_report(&store, "b1", true), "what it reports was asked by another ledger");
    assert!(!must_report(&store, "b1", true));
}

#[test]
fn a_bridge_that_was_silent_again_before_it_reported_is_asked_again() {
    let store = Store::with_devices(1);
    connect(&store, "d0", "b1");
    assert!(must_report(&store, "b1", false));
    store.pass(61_000);
    assert!(must_report(&store, "b1", true));
    assert!(!must_report(&store, "b1", true));
}

#[test]
fn whoever_only_reports_sessions_is_not_heard_by_it() {
    let store = Store::with_devices(1);
    tick(&store, "b1");
    store.pass(61_000);
    assert!(!store.due_for(Recipient::Reporter("b1")).must_report);
    assert!(must_report(&store, "b1", false));
}

#[test]
fn many_sessions_of_a_dead_bridge_end_in_bounded_parts() {
    let store = Store::with_devices(1);
    let fill = "INSERT INTO device (product, device, secret, version, bridge, connected, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
        SELECT 'pk', 'g' || CAST(i AS TEXT), 'sealed', '1', 'died', 1, 0 FROM n";
    store.sql.execute(fill, &[Value::Int(600)]).unwrap();
    let left = || {
        let left = "SELECT COUNT(*) FROM device WHERE connected = 1";
        store.sql.query(left, &[]).unwrap()[0].int(0).unwrap()
    };
    tick(&store, "died");
    store.pass(61_000);
    tick(&store, "well");
    store.pass(61_000);
    let (statements, more) = store.sql.count(|| tick(&store, "well"));
    assert!(more && (1..600).contains(&left()) && statements < 600, "{} left, {statements}", left());
    while tick(&store, "well") {}
    assert_eq!(left(), 0);
}

#[test]
fn a_tick_with_nothing_to_do_is_seven_reads_and_in_twenty_seconds_a_write() {
    let store = Store::with_devices(1);
    tick(&store, "b1");
    assert_eq!(store.sql.count(|| tick(&store, "b1")).0, 7);
    store.pass(19_000);
    assert_eq!(store.sql.count(|| tick(&store, "b1")).0, 7);
    store.pass(2_000);
    assert_eq!(store.sql.count(|| tick(&store, "b1")).0, 8);
    assert_eq!(store.sql.count(|| tick(&store, "b1")).0, 7);
}

#[test]
fn one_that_lapsed_and_is_heard_again_goes_behind_those_that_were_never_granted() {
    let store = Store::with_devices(9);
    let terms = Terms { max_in_flight: 1, ..terms(10) };
    let job = store.create(NewJob { terms, ..store.new_job("2") });
    for n in 0..9 {
        connect(&store, &format!("d{n}"), "b1");
    }
    let mut turns = Vec::new();
    for _ in 0..9 {
        let granted = store.devices_in(&job, TaskState::Granted);
        turns.push(granted[0].clone());
        store.pass(10_001);
        assert_eq!(store.sweep().lapsed, 1);
        store.inform(&granted[0], "1");
    }
    turns.sort();
    turns.dedup();
    assert_eq!(turns.len(), 9, "each had its turn before anyone had two");
    assert_eq!(store.standing(&job).0, JobState::Running);
    store.check(&job);
}
