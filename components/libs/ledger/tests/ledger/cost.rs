//! The cost contract of DESIGN §4, counted: every statement of every message, BEGIN and COMMIT among them.

use ota_ledger::inform::HEARD_EVERY;
use ota_ledger::job::NewJob;
use ota_rollout::{JobState, Mode, Reasons, Retry, Stage, Terms};

use crate::ledger::store::{Store, heard, id, terms};

#[test]
fn an_unchanged_inform_is_one_read_and_one_write_in_300_s() {
    let store = Store::with_devices(1);
    store.pass(HEARD_EVERY - 1);
    assert_eq!(store.sql.count(|| store.inform("d0", "1")).0, 1);
    store.pass(1);
    assert_eq!(store.sql.count(|| store.inform("d0", "1")).0, 2);
    assert_eq!(store.sql.count(|| store.inform("d0", "1")).0, 1);
}

#[test]
fn a_device_that_waits_is_kept_ready_by_one_transaction_in_half_its_reach() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.pass(Terms::DEFAULT.reachable_within / 2 + 1);
    assert_eq!(store.sql.count(|| store.inform("d0", "1")).0, 5);
    assert_eq!(store.sql.count(|| store.inform("d0", "1")).0, 1);
}

#[test]
fn progress_inside_a_step_of_ten_per_cent_is_one_read() {
    let store = Store::with_devices(1);
    store.job(Mode::Push, terms(10));
    store.inform("d0", "1").unwrap();
    let report = |step| store.act(|ledger| ledger.progress(&heard("d0"), step, None).unwrap());
    report(20);
    assert_eq!(store.sql.count(|| report(29)).0, 1);
    assert_eq!(store.sql.count(|| report(30)).0, 2);
    assert_eq!(store.sql.count(|| report(31)).0, 1);
    store.pass(60_000);
    assert_eq!(store.sql.count(|| report(32)).0, 2);
}

#[test]
fn every_decision_is_one_transaction_of_at_most_ten_statements() {
    let store = Store::with_devices(2);
    store.add_firmware("3");
    let job = store.job(Mode::Push, terms(10));
    let asked = store.job_to("3", Mode::Request, terms(10));
    let before = store.sql.statements.borrow().len();
    let link = store.inform("d0", "1").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.act(|ledger| ledger.complete(&link).unwrap());
    store.inform("d0", "2");
    store.inform("d0", "1");
    store.act(|ledger| ledger.sweep().unwrap());
    store.pass(10_001);
    store.act(|ledger| ledger.sweep().unwrap());
    store.act(|ledger| ledger.offers(&id("d1")).unwrap());
    store.act(|ledger| ledger.progress(&heard("d1"), 20, None).unwrap());
    store.act(|ledger| ledger.progress(&heard("d1"), -4, None).unwrap());
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.resume_job(&asked).unwrap());
    assert!(transactions(&store, before).len() > 10);
}

/// How many statements each transaction since statement `before` had, none of them more than ten.
fn transactions(store: &Store, before: usize) -> Vec<usize> {
    let mut transactions = Vec::new();
    for (statement, _) in &store.sql.statements.borrow()[before..] {
        if statement.starts_with("BEGIN") {
            transactions.push(0);
        }
        if let Some(count) = transactions.last_mut() {
            *count += 1;
        }
        if statement.starts_with("COMMIT") || statement.starts_with("ROLLBACK") {
            let count = *transactions.last().unwrap();
            assert!(count <= 10, "a transaction of {count} statements");
            transactions.push(0);
        }
    }
    transactions.retain(|count| *count > 0);
    transactions
}

#[test]
fn stages_retries_pace_and_the_gate_make_no_decision_longer() {
    let store = Store::with_devices(12);
    let stages = vec![Stage { share: 500, soak: 0, pass: 500 }, Stage { share: 1000, soak: 0, pass: 500 }];
    let canary = vec![id("d0").device, id("d1").device];
    let retry = Retry { attempts: 2, backoff: 60_000, reasons: Reasons::ALL };
    let terms = Terms { per_minute: 600, retry, ..terms(10) };
    let job = store.create(NewJob { stages, canary, terms, ..store.new_job("2") });
    let before = store.sql.statements.borrow().len();
    store.succeed("d0");
    store.succeed("d1");
    for _ in 0..4 {
        store.pass(1000);
        store.sweep();
    }
    for device in (2..12).map(|n| format!("d{n}")) {
        for _ in 0..2 {
            if let Some(command) = store.inform(&device, "1") {
                store.act(|ledger| ledger.begin(&command.link).unwrap());
                store.report(&device, -4);
            }
            store.pass(75_001);
            store.sweep();
        }
    }
    assert_eq!(store.standing(&job).0, JobState::Held);
    store.inform("d0", "1");
    assert!(store.events(&job).contains(&"reverted".to_owned()));
    assert!(transactions(&store, before).len() > 20);
    store.check(&job);
}

#[test]
fn a_download_is_one_read_and_one_transaction_and_one_read_per_further_range() {
    let store = Store::with_devices(1);
    store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    let access = || store.act(|ledger| ledger.access(&link).unwrap());
    assert_eq!(store.sql.count(access).0, 1);
    assert_eq!(store.sql.count(|| store.act(|ledger| ledger.begin(&link).unwrap())).0, 7);
    assert_eq!(store.sql.count(access).0, 1);
}

#[test]
fn a_quiet_sweep_is_six_reads() {
    let store = Store::with_devices(1);
    assert_eq!(store.sql.count(|| store.act(|ledger| ledger.sweep().unwrap())).0, 6);
}
