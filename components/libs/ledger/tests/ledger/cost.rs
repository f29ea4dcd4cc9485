//! The cost contract of DESIGN §4, counted: every statement of every message, BEGIN and COMMIT among them.

use ota_ledger::inform::HEARD_EVERY;
use ota_rollout::Mode;

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
    let statements = store.sql.statements.borrow()[before..].to_vec();
    let mut transactions = Vec::new();
    for (statement, _) in &statements {
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
    assert!(transactions.iter().filter(|count| **count > 0).count() > 10);
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
