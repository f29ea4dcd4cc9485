//! What a device reports on its way.

use ota_ledger::progress::Reported;
use ota_rollout::{Mode, Retry, TaskState, Terms};

use crate::ledger::store::{Store, heard, id, terms};

fn report(store: &Store, device: &str, step: i32) -> &'static str {
    match store.act(|ledger| ledger.progress(&heard(device), step, Some("words")).unwrap()) {
        Reported::Unknown => "unknown",
        Reported::Taken(_) => "taken",
        Reported::NoTask => "no task",
        Reported::NotStarted => "not started",
    }
}

#[test]
fn without_a_task_it_is_764_and_with_a_waiting_one_765() {
    let store = Store::with_devices(1);
    assert_eq!(report(&store, "nobody", 10), "unknown");
    assert_eq!(report(&store, "d0", 10), "no task");
    store.job(Mode::Push, terms(10));
    assert_eq!(report(&store, "d0", 10), "not started");
    assert_eq!(report(&store, "d0", -2), "not started");
}

#[test]
fn a_step_begins_a_granted_task_and_a_negative_one_ends_it_with_the_devices_words() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.inform("d0", "1").unwrap();
    assert_eq!(report(&store, "d0", 20), "taken");
    let task = store.task(&job, "d0");
    assert!(task.task.state == TaskState::Downloading && task.task.begun);
    assert_eq!(report(&store, "d0", -3), "taken");
    let task = store.task(&job, "d0");
    assert_eq!(task.task.state, TaskState::Failed);
    assert_eq!(task.reason.as_deref(), Some("verification_failed"));
    assert_eq!((task.step, task.detail.as_deref()), (Some(-3), Some("words")));
    assert_eq!(report(&store, "d0", 50), "taken");
    assert_eq!(store.state(&job, "d0"), TaskState::Failed);
    store.check(&job);
}

#[test]
fn an_offered_task_takes_its_slot_by_progress_or_gets_765_when_there_is_none() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Request, terms(1));
    for device in ["d0", "d1"] {
        store.act(|ledger| ledger.offers(&id(device)).unwrap());
    }
    assert_eq!(report(&store, "d0", 10), "taken");
    assert_eq!(report(&store, "d1", 10), "not started");
    assert_eq!(store.state(&job, "d1"), TaskState::Waiting);
    store.check(&job);
}

#[test]
fn after_a_lapse_a_report_is_taken_and_starts_nothing() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.inform("d0", "1").unwrap();
    store.pass(10_001);
    assert_eq!(store.act(|ledger| ledger.sweep().unwrap()).lapsed, 1);
    assert_eq!(report(&store, "d0", 30), "taken");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.task.exposed, task.step), (TaskState::Waiting, false, Some(30)));
    store.check(&job);
}

#[test]
fn a_second_try_begins_by_a_report_only_within_the_bound() {
    let retry = Retry { attempts: 2, ..Retry::DEFAULT };
    let store = Store::with_devices(2);
    let job = store.job(Mode::Request, Terms { retry, ..terms(1) });
    let report =
        |device: &str, step| store.act(|ledger| ledger.progress(&heard(device), step, None).unwrap());
    let ask = |device: &str| store.act(|ledger| ledger.offers(&id(device)).unwrap());
    ask("d0");
    report("d0", 20);
    store.inform("d0", "2");
    ask("d1");
    report("d1", 20);
    report("d1", -2);
    store.pass(100_000);
    store.act(|ledger| ledger.sweep().unwrap());
    ask("d1");
    // It leaves the target: two are exposed, one may be.
    store.inform("d0", "1");
    let reported = report("d1", 20);
    assert!(matches!(reported, Reported::NotStarted), "{reported:?}");
    let task = store.task(&job, "d1").task;
    assert!(task.begun && task.offered && task.state == TaskState::Waiting, "{task:?}");
    store.check(&job);
}
