//! What changes between the read of a decision and its statement: the statement that takes a slot asks once more.
//!
//! On one connection, so that it is the same each time, on either database: the change is made inside the transaction
//! that decides, as if it had been committed by another.

use std::cell::Cell;

use ota_ledger::{Ledger, Row, Sql, SqlError, Value};
use ota_rollout::{Mode, Reasons, Retry, TaskState, Terms};

use crate::database::DIALECT;
use crate::ledger::store::{Store, heard, terms, ver};

/// Takes a slot for a device that is at risk already.
const SLOT_AGAIN: &str = "UPDATE job SET in_flight = in_flight + 1, waiting";
/// Takes one for a device that is not.
const SLOT: &str = "UPDATE job SET exposed = exposed + 1, in_flight = in_flight + 1";

/// A database in which `change` happens before the first statement that begins with `before`.
struct Meanwhile<'m> {
    sql: &'m dyn Sql,
    before: &'m str,
    change: &'m str,
    has_changed: Cell<bool>,
}

impl Sql for Meanwhile<'_> {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        if sql.starts_with(self.before) && !self.has_changed.replace(true) {
            assert_eq!(self.sql.execute(self.change, &[])?, 1);
        }
        self.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.sql.query(sql, params)
    }
}

/// `d0` informs 1, which grants it, unless its job changes so before `statement`.
fn inform_while(store: &Store, statement: &str, change: &str) {
    let sql = Meanwhile { sql: &store.sql, before: statement, change, has_changed: Cell::new(false) };
    let random = || 7;
    Ledger::new(&sql, DIALECT, &random).inform(&heard("d0"), &ver("1")).unwrap();
    assert!(sql.has_changed.get(), "nothing began with {statement}");
}

/// A job with room for two, of which `d1` is at work, and `d0` waits.
fn waiting() -> (Store, String) {
    let store = Store::with_devices(2);
    let retry = Retry { attempts: 9, backoff: 1000, reasons: Reasons::ALL };
    let job = store.job(Mode::Push, Terms { retry, max_in_flight: 2, ..terms(10) });
    store.begin("d1");
    (store, job)
}

/// The same, and `d0` is at risk: its first attempt failed, and the next is due.
fn waiting_again() -> (Store, String) {
    let (store, job) = waiting();
    store.begin("d0");
    store.report("d0", -2);
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.pass(5000);
    store.sweep();
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    (store, job)
}

#[test]
fn a_slot_is_refused_by_a_job_that_is_full_or_does_not_run_since_it_was_read() {
    let changes = [
        "UPDATE job SET state = 'paused'",
        "UPDATE job SET state = 'stopped'",
        "UPDATE job SET state = 'held'",
        "UPDATE job SET max_in_flight = 1",
    ];
    for change in changes {
        for (ground, statement) in [(waiting as fn() -> _, SLOT), (waiting_again, SLOT_AGAIN)] {
            let (store, job) = ground();
            inform_while(&store, statement, change);
            assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "{change} before {statement}");
            store.check(&job);
            store.inform("d0", "1").unwrap();
            assert_eq!(store.state(&job, "d0"), TaskState::Granted, "nothing else was in its way");
        }
    }
}

#[test]
fn a_first_slot_is_refused_by_a_budget_that_is_spent_since_it_was_read_and_a_second_is_not() {
    let change = "UPDATE job SET loss_budget = 1";
    let (store, job) = waiting();
    inform_while(&store, SLOT, change);
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
    let (store, job) = waiting_again();
    inform_while(&store, SLOT_AGAIN, change);
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    store.check(&job);
}
