//! Hardware that is replaced or taken away, and jobs that are deleted: what was told before is void, what was exposed stays.

use ota_ledger::download::{Access, Begun};
use ota_ledger::job::{NewJob, NotCreated};
use ota_rollout::{JobState, Mode, TaskState};

use crate::ledger::store::{Store, id, terms};

fn generation(store: &Store, device: &str) -> i64 {
    store.act(|ledger| ledger.device(&id(device)).unwrap()).unwrap().0.generation
}

fn replace(store: &Store, device: &str) {
    assert!(store.act(|ledger| ledger.replace_device(&id(device), "sealed anew").unwrap()));
}

fn delete(store: &Store, device: &str) {
    assert!(store.act(|ledger| ledger.delete_device(&id(device)).unwrap()));
}

#[test]
fn replaced_hardware_voids_tasks_and_links_and_leaves_its_exposure() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(3));
    let begun = store.begin("d0");
    let granted = store.inform("d1", "1").unwrap().link;
    for device in ["d0", "d1", "d2"] {
        replace(&store, device);
        assert_eq!((generation(&store, device), store.state(&job, device)), (2, TaskState::Canceled));
    }
    assert_eq!(store.counters(&job).exposed, 1, "what began stays exposed");
    for link in [&begun, &granted] {
        assert!(matches!(store.act(|ledger| ledger.access(link).unwrap()), Access::Gone(_)));
        assert!(matches!(store.act(|ledger| ledger.begin(link).unwrap()), Begun::Gone(_)));
    }
    assert!(store.inform("d0", "1").is_none(), "the new hardware is in no job");
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Canceled, "its success is not the old one's");
    assert_eq!(store.counters(&job).exposed, 1);
    assert_eq!(store.standing(&job).0, JobState::Done);
    store.check(&job);
}

#[test]
fn what_a_new_generation_reports_changes_nothing_of_the_old_ones_task() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(3));
    store.begin("d0");
    store.inform("d0", "2");
    replace(&store, "d0");
    store.inform("d0", "1");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded, "no revert");
    store.report("d0", -1);
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn a_device_that_was_deleted_and_comes_again_is_another_generation() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(3));
    let link = store.begin("d0");
    delete(&store, "d0");
    assert!(!store.act(|ledger| ledger.delete_device(&id("d0")).unwrap()));
    assert!(matches!(store.act(|ledger| ledger.access(&link).unwrap()), Access::Gone("unknown device")));
    store.add_device("d0");
    assert_eq!(generation(&store, "d0"), 2);
    assert!(matches!(store.act(|ledger| ledger.access(&link).unwrap()), Access::Gone(_)));
    store.inform("d0", "2");
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Canceled, 1));
    store.check(&job);
}

#[test]
fn a_generation_never_comes_again_though_every_task_is_forgotten() {
    let store = Store::with_devices(1);
    replace(&store, "d0");
    replace(&store, "d0");
    delete(&store, "d0");
    store.add_device("d0");
    assert_eq!(generation(&store, "d0"), 4);
}

#[test]
fn only_a_stopped_or_ended_job_without_devices_at_work_is_deleted() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(3));
    let refused = || store.act(|ledger| ledger.delete_job(&job)).unwrap_err().to_string();
    assert_eq!(refused(), "the job is running, stop it before deleting it");
    store.begin("d0");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert_eq!(refused(), "1 devices are at work");
    store.act(|ledger| ledger.cancel_task(&job, &id("d0").device).unwrap());
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    assert!(store.act(|ledger| ledger.job(&job).unwrap()).is_none());
    assert!(store.act(|ledger| ledger.jobs(None, None, 10).unwrap()).is_empty());
    assert!(store.act(|ledger| ledger.delete_job(&job)).is_err());
}

#[test]
fn a_deleted_job_keeps_what_it_exposed_and_forgets_the_rest() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(3));
    store.fail("d0");
    store.succeed("d1");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    while store.sweep().more {}
    let left: Vec<_> = store.tasks(&job).into_iter().map(|task| task.id.device.to_string()).collect();
    assert_eq!(left, ["d0"]);
    assert!(store.inform("d2", "1").is_none());
    let said = |exposed_elsewhere| {
        store.act(|ledger| ledger.create_job(&NewJob { exposed_elsewhere, ..store.new_job("2") }))
    };
    for wrong in [0, 2] {
        assert!(matches!(said(wrong), Err(NotCreated::ExposedElsewhere { exposed: 1, .. })));
    }
    let second = said(1).unwrap().job;
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded, "late, though its job is gone");
    assert!(said(0).is_ok(), "nothing is exposed any more");
    store.check(&second);
}

#[test]
fn exposure_of_one_job_must_be_known_to_the_next_of_the_same_firmware_and_to_no_other() {
    let store = Store::with_devices(4);
    store.add_firmware("3");
    store.job(Mode::Push, terms(3));
    store.begin("d0");
    store.inform("d1", "1").unwrap();
    let new = |to: &str, exposed_elsewhere| NewJob { exposed_elsewhere, ..store.new_job(to) };
    let refused = store.act(|ledger| ledger.create_job(&new("2", 1))).unwrap_err().to_string();
    assert_eq!(refused, "firmware 2 has exposed 2 devices in other jobs, the call says 1");
    assert!(store.act(|ledger| ledger.create_job(&new("3", 0))).is_ok());
    assert!(store.act(|ledger| ledger.create_job(&new("2", 2))).is_ok());
}

#[test]
fn a_device_that_lapsed_is_not_reachable_for_having_gone_away() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(3));
    store.connect("d0");
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    store.pass(10_001);
    assert_eq!(store.sweep().lapsed, 1);
    store.disconnect("d0");
    assert_eq!(store.sweep().granted, 0);
    store.connect("d0");
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    store.check(&job);
}

#[test]
fn a_connected_device_that_goes_away_counts_as_reachable_for_a_while() {
    let store = Store::with_devices(1);
    store.connect("d0");
    store.pass(10_000_000);
    let job = store.job(Mode::Push, terms(3));
    store.disconnect("d0");
    store.pass(599_999);
    assert_eq!(store.sweep().granted, 1);
    store.check(&job);
}

#[test]
fn hardware_in_more_jobs_than_one_read_shows_leaves_no_task_behind() {
    let store = Store::with_devices(1);
    let jobs: Vec<String> = (0..70).map(|_| store.job(Mode::Push, terms(3))).collect();
    store.begin("d0");
    replace(&store, "d0");
    for job in &jobs {
        assert_eq!(store.state(job, "d0"), TaskState::Canceled);
        assert_eq!(store.standing(job).0, JobState::Done);
    }
}

#[test]
fn a_retry_that_its_deleted_job_leaves_behind_ends() {
    let store = Store::with_devices(2);
    let retry = ota_rollout::Retry { attempts: 3, ..ota_rollout::Retry::DEFAULT };
    let job = store.job(Mode::Push, ota_rollout::Terms { retry, ..terms(3) });
    store.begin("d0");
    store.report("d0", -2);
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    for _ in 0..3 {
        store.sweep();
        store.pass(100_001);
    }
    assert_eq!(store.state(&job, "d0"), TaskState::TimedOut);
}
