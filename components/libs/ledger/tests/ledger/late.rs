//! Messages that come late, or again: each speaks of the moment at which the device said it.

use std::cell::RefCell;

use ota_ledger::download::Begun;
use ota_ledger::inform::Heard;
use ota_ledger::job::NewJob;
use ota_ledger::offer::Offers;
use ota_ledger::view::REVERT_WITHIN;
use ota_ledger::{Ledger, Row, Sql, SqlError, Value};
use ota_protocol::link::Link;
use ota_rollout::{Mode, Reasons, Retry, TaskState, Terms};

use crate::database::DIALECT;
use crate::ledger::store::{Store, heard, id, terms, ver};

pub(super) fn version(store: &Store, device: &str) -> Option<String> {
    let (device, ..) = store.act(|ledger| ledger.device(&id(device)).unwrap()).unwrap();
    device.version.map(|version| version.to_string())
}

pub(super) fn report_aged(store: &Store, device: &str, step: i32, age: i64) {
    let heard = Heard { id: id(device), age: Some(age) };
    store.act(|ledger| ledger.progress(&heard, step, None).unwrap());
}

/// Device `d0` was granted a second ago, and its download began right now.
fn begun_after_a_second(store: &Store) -> (String, Link) {
    let job = store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    store.pass(1000);
    store.act(|ledger| ledger.begin(&link).unwrap());
    (job, link)
}

#[test]
fn the_target_from_before_the_begin_is_no_success_and_from_after_it_is() {
    for age in [2500, 1500] {
        let store = Store::with_devices(1);
        store.pass(1000);
        let (job, _) = begun_after_a_second(&store);
        store.pass(1000);
        store.inform_aged("d0", "2", Some(age));
        assert_eq!(store.state(&job, "d0"), TaskState::Downloading, "said {age} ms ago");
        assert_eq!(store.counters(&job).exposed, 1);
        store.sweep();
        store.inform_aged("d0", "2", Some(1000));
        assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
        store.check(&job);
    }
}

#[test]
fn the_target_from_before_the_begin_does_not_count_at_the_next_attempt_either() {
    let store = Store::with_devices(1);
    let retry = Retry { attempts: 2, backoff: 1000, reasons: Reasons::ALL };
    let job = store.create(NewJob { terms: Terms { retry, ..terms(10) }, ..store.new_job("2") });
    store.connect("d0");
    let link = store.inform("d0", "1").unwrap().link;
    store.pass(1000);
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform_aged("d0", "2", Some(500));
    store.report("d0", -4);
    store.pass(2000);
    for _ in 0..3 {
        store.sweep();
    }
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Waiting, 1));
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn the_target_from_before_the_verdict_is_a_late_success() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.pass(100_001);
    assert_eq!(store.sweep().timed_out, 1);
    store.pass(1000);
    store.inform_aged("d0", "2", Some(2000));
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Succeeded, 0));
    store.check(&job);
}

#[test]
fn the_target_from_before_a_second_grant_is_a_success_of_the_first_attempt() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.report("d0", -1);
    store.pass(1000);
    store.act(|ledger| ledger.retry_task(&job, &id("d0").device).unwrap());
    store.inform("d0", "1").unwrap();
    store.pass(1000);
    store.inform_aged("d0", "2", Some(1000));
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Succeeded, 0));
    store.check(&job);
}

#[test]
fn who_was_on_the_target_before_a_grant_that_nothing_followed_is_skipped() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.pass(1000);
    store.sweep();
    store.pass(1000);
    store.inform_aged("d0", "2", Some(1500));
    assert_eq!((store.state(&job, "d0"), version(&store, "d0").as_deref()), (TaskState::Skipped, Some("2")));
    store.check(&job);
}

#[test]
fn a_queue_of_reports_and_the_target_is_taken_in_as_it_was_said() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.inform("d0", "1").unwrap();
    store.pass(60_000);
    report_aged(&store, "d0", 10, 50_000);
    report_aged(&store, "d0", 100, 40_000);
    store.inform_aged("d0", "2", Some(30_000));
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn an_older_version_replaces_no_newer_one() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.pass(1000);
    store.inform_aged("d0", "2", Some(100));
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.pass(1000);
    let (written, _) = store.sql.count(|| store.inform_aged("d0", "1", Some(1101)));
    assert_eq!(written, 1, "one read");
    assert_eq!(
        (version(&store, "d0").as_deref(), store.state(&job, "d0")),
        (Some("2"), TaskState::Succeeded)
    );
    store.inform_aged("d0", "1", Some(999));
    assert_eq!((version(&store, "d0").as_deref(), store.state(&job, "d0")), (Some("1"), TaskState::Failed));
    store.check(&job);
}

#[test]
fn an_older_target_skips_no_task_of_a_device_that_has_left_it() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.pass(1000);
    store.inform_aged("d0", "1.1", Some(0));
    store.pass(1000);
    store.inform_aged("d0", "2", Some(1500));
    assert_eq!(version(&store, "d0").as_deref(), Some("1.1"));
    assert_ne!(store.state(&job, "d0"), TaskState::Skipped);
}

#[test]
fn what_the_old_hardware_said_is_no_word_of_the_new() {
    let store = Store::with_devices(1);
    store.pass(1000);
    store.act(|ledger| ledger.replace_device(&id("d0"), "anew").unwrap());
    store.pass(1000);
    store.inform_aged("d0", "2", Some(1500));
    assert_eq!(version(&store, "d0"), None);
    store.inform_aged("d0", "1", Some(500));
    assert_eq!(version(&store, "d0").as_deref(), Some("1"));
}

#[test]
fn a_rollback_that_waited_behind_its_success_is_a_reversion() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.pass(100_000);
    store.inform_aged("d0", "2", Some(90_000));
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.inform_aged("d0", "1", Some(60_000));
    assert_eq!((version(&store, "d0").as_deref(), store.state(&job, "d0")), (Some("1"), TaskState::Failed));
    assert_eq!(store.counters(&job).lost(), 1);
    store.inform_aged("d0", "2", Some(30_000));
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Succeeded, 0));
    store.check(&job);
}

#[test]
fn a_rollback_from_before_a_later_grant_is_a_reversion_of_the_success_before_it() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.report("d0", -1);
    store.pass(1000);
    store.act(|ledger| ledger.retry_task(&job, &id("d0").device).unwrap());
    store.pass(2000);
    store.connect("d0");
    store.act(|ledger| ledger.grant_connected(&id("d0")).unwrap());
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    store.pass(500);
    store.inform_aged("d0", "2", Some(2000));
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.inform_aged("d0", "7", Some(1000));
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Failed, 1));
    store.check(&job);
}

#[test]
fn a_success_is_reverted_within_a_day_of_what_was_said_and_not_after() {
    for (after, state) in [(REVERT_WITHIN - 1, TaskState::Failed), (REVERT_WITHIN, TaskState::Succeeded)] {
        let store = Store::with_devices(1);
        let job = store.job(Mode::Push, terms(10));
        store.begin("d0");
        store.pass(5000);
        store.inform_aged("d0", "2", Some(4000));
        store.pass(after - 4000 + 3000);
        store.inform_aged("d0", "1", Some(3000));
        assert_eq!(store.state(&job, "d0"), state, "{after} ms after");
        store.check(&job);
    }
}

#[test]
fn the_device_that_moved_on_while_nobody_heard_it_reverts_nothing() {
    let store = Store::with_devices(1);
    let first = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.add_firmware("3");
    let second = store.job_to("3", Mode::Push, terms(10));
    store.pass(10_000);
    store.inform_aged("d0", "2", Some(9000));
    let link = store.inform("d0", "2").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.pass(10_000);
    store.inform_aged("d0", "3", Some(5000));
    assert_eq!(
        (store.state(&first, "d0"), store.state(&second, "d0")),
        (TaskState::Succeeded, TaskState::Succeeded)
    );
    store.inform_aged("d0", "2", Some(2000));
    assert_eq!(
        (store.state(&first, "d0"), store.state(&second, "d0")),
        (TaskState::Succeeded, TaskState::Failed)
    );
    store.check(&first);
    store.check(&second);
}

#[test]
fn a_failure_that_waited_behind_the_step_that_took_its_offer_is_heard() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Request, terms(10));
    store.act(|ledger| ledger.offers(&id("d0")).unwrap());
    store.pass(60_000);
    report_aged(&store, "d0", 10, 50_000);
    assert_eq!(store.state(&job, "d0"), TaskState::Downloading);
    report_aged(&store, "d0", -4, 40_000);
    assert_eq!(store.state(&job, "d0"), TaskState::Failed);
    store.check(&job);
}

#[test]
fn the_link_of_an_offer_that_was_taken_long_before_it_was_heard_lives_as_long_as_its_attempt() {
    let store = Store::with_devices(1);
    store.job(Mode::Request, terms(10));
    let link = || match store.act(|ledger| ledger.offers(&id("d0")).unwrap()) {
        Offers::List(list) => list[0].link.clone(),
        Offers::Unknown => panic!("d0 is registered"),
    };
    link();
    store.pass(1_000_000);
    report_aged(&store, "d0", 10, 900_000);
    store.pass(99_999);
    assert_eq!(store.act(|ledger| ledger.begin(&link()).unwrap()), Begun::Yes);
}

/// Between the first read of a message and its transaction, something else happens.
struct Interrupted<'a> {
    store: &'a Store,
    by: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
}

impl Sql for Interrupted<'_> {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        let by = self.by.borrow_mut().take_if(|_| sql.starts_with("BEGIN"));
        if let Some(by) = by {
            by();
        }
        self.store.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.store.sql.query(sql, params)
    }
}

fn interrupted<'a>(store: &'a Store, by: impl FnOnce() + 'a, act: impl FnOnce(&Ledger<'_>)) {
    let sql = Interrupted { store, by: RefCell::new(Some(Box::new(by))) };
    act(&Ledger::new(&sql, DIALECT, &|| 7));
    assert!(sql.by.borrow().is_none(), "nothing came between");
}

/// The grant of `d0` lapses, and it is granted again.
fn granted_anew(store: &Store) {
    store.pass(10_001);
    assert_eq!(store.sweep().lapsed, 1);
    assert!(store.inform("d0", "1").is_some());
}

#[test]
fn a_message_speaks_of_the_attempt_at_which_it_was_received_whatever_comes_between() {
    for age in [None, Some(0)] {
        for informs in [true, false] {
            let store = Store::with_devices(1);
            let job = store.job(Mode::Push, terms(10));
            store.inform("d0", "1").unwrap();
            let heard = Heard { age, ..heard("d0") };
            interrupted(
                &store,
                || granted_anew(&store),
                |ledger| {
                    if informs {
                        ledger.inform(&heard, &ver("7")).unwrap();
                    } else {
                        ledger.progress(&heard, -4, None).unwrap();
                    }
                },
            );
            let task = store.task(&job, "d0").task;
            assert_eq!((task.state, task.attempt), (TaskState::Granted, 2), "{age:?} {informs}");
            store.check(&job);
        }
    }
}

#[test]
fn a_version_that_was_overtaken_on_its_way_changes_nothing() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.begin("d0");
    store.pass(1000);
    interrupted(
        &store,
        || {
            store.pass(1);
            store.inform("d0", "2");
        },
        |ledger| {
            ledger.inform(&heard("d0"), &ver("7")).unwrap();
        },
    );
    assert_eq!(
        (version(&store, "d0").as_deref(), store.state(&job, "d0")),
        (Some("2"), TaskState::Succeeded)
    );
    store.check(&job);
}
