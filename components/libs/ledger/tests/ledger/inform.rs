//! What a device informs, and what it is told.

use ota_ledger::inform::Told;
use ota_rollout::{JobState, Mode, TaskState};

use crate::ledger::store::{Store, heard, terms, ver};

#[test]
fn an_unknown_device_is_said_to_be_unknown() {
    let store = Store::new();
    let told = store.act(|ledger| ledger.inform(&heard("nobody"), &ver("1")).unwrap());
    assert!(matches!(told, Told::Unknown));
}

#[test]
fn a_device_that_informs_is_granted_at_once_and_told_again_until_a_first_sign() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    assert_eq!(command.firmware.version, ver("2"));
    assert_eq!(command.link.task, job);
    let again = store.inform("d0", "1").unwrap();
    assert_eq!((again.push_id, again.link), (command.push_id.clone(), command.link));
    let acknowledged = store.act(|ledger| {
        ledger.acknowledge(&heard("d0").id, command.push_id.as_deref().unwrap(), None).unwrap()
    });
    assert!(acknowledged);
    assert!(store.inform("d0", "1").is_none());
    store.check(&job);
}

#[test]
fn the_target_ends_the_task_and_the_job() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d0", "2");
    let record = store.record(&job);
    assert_eq!((record.state, record.counters.succeeded, record.counters.exposed), (JobState::Done, 1, 0));
    assert_eq!(store.events(&job), ["job_created", "granted", "begun", "succeeded", "done"]);
    store.check(&job);
}

#[test]
fn the_target_without_a_begin_is_skipped_and_not_a_success() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.inform("d0", "1").unwrap();
    store.inform("d0", "2");
    store.inform("d1", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Skipped);
    assert_eq!(store.state(&job, "d1"), TaskState::Skipped);
    assert_eq!(store.record(&job).counters.succeeded, 0);
    store.check(&job);
}

#[test]
fn a_device_that_never_informed_waits_until_it_does() {
    let store = Store::with_devices(1);
    store.add_device("new");
    let job = store.job(Mode::Push, terms(10));
    assert_eq!(store.record(&job).devices, 2);
    let command = store.inform("new", "0.9").unwrap();
    assert_eq!(command.link.task, job);
}

#[test]
fn a_late_success_gives_the_exposure_back() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.pass(100_001);
    store.act(|ledger| ledger.sweep().unwrap());
    assert_eq!((store.state(&job, "d0"), store.record(&job).counters.exposed), (TaskState::TimedOut, 1));
    store.pass(30 * 86_400_000);
    store.inform("d0", "2");
    assert_eq!((store.state(&job, "d0"), store.record(&job).counters.exposed), (TaskState::Succeeded, 0));
    store.check(&job);
}

#[test]
fn leaving_the_target_within_a_day_is_reverted_and_later_is_not() {
    for (after, state) in [(86_399_000, TaskState::Failed), (86_401_000, TaskState::Succeeded)] {
        let store = Store::with_devices(1);
        let job = store.job(Mode::Push, terms(10));
        let command = store.inform("d0", "1").unwrap();
        store.act(|ledger| ledger.begin(&command.link).unwrap());
        store.inform("d0", "2");
        store.pass(after);
        store.inform("d0", "1");
        assert_eq!(store.state(&job, "d0"), state, "after {after} ms");
        store.check(&job);
    }
}

#[test]
fn moving_on_by_a_newer_job_reverts_nothing() {
    let store = Store::with_devices(1);
    let first = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d0", "2");
    store.add_firmware("3");
    let second = store.job_to("3", Mode::Push, terms(10));
    let command = store.inform("d0", "2").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d0", "3");
    store.inform("d0", "3");
    assert_eq!(store.state(&first, "d0"), TaskState::Succeeded);
    assert_eq!(store.state(&second, "d0"), TaskState::Succeeded);
}

#[test]
fn a_version_that_nobody_asked_for_fails_the_task_and_says_so() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d0", "7");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.reason.as_deref()), (TaskState::Failed, Some("wrong_version")));
    assert!(task.task.exposed);
    store.check(&job);
}

#[test]
fn the_old_version_after_the_download_is_a_rollback_once_it_is_confirmed() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let command = store.inform("d0", "1").unwrap();
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d0", "1");
    assert_eq!(store.state(&job, "d0"), TaskState::Downloading);
    store.act(|ledger| ledger.complete(&command.link).unwrap());
    store.inform("d0", "1");
    assert_eq!(store.act(|ledger| ledger.sweep().unwrap()).failed, 0);
    store.pass(5001);
    assert_eq!(store.act(|ledger| ledger.sweep().unwrap()).failed, 1);
    assert_eq!(store.task(&job, "d0").reason.as_deref(), Some("rollback"));
    store.check(&job);
}

#[test]
fn a_message_from_before_the_grant_speaks_of_the_attempt_before() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.pass(1000);
    store.inform("d0", "1").unwrap();
    store.pass(1000);
    store.inform_aged("d0", "7", Some(1500));
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    store.inform_aged("d0", "8", Some(500));
    assert_eq!(store.state(&job, "d0"), TaskState::Failed);
}

#[test]
fn the_oldest_job_goes_first_and_one_at_a_time() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    let first = store.job_to("3", Mode::Push, terms(10));
    store.pass(1);
    let second = store.job(Mode::Push, terms(10));
    assert_eq!(store.inform("d0", "1").unwrap().link.task, first);
    assert_eq!(store.state(&second, "d0"), TaskState::Waiting);
}
