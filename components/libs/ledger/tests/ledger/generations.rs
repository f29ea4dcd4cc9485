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

/// A job that takes in whoever comes, and the attempt of `d0` in it.
fn standing(store: &Store) -> String {
    store.create(NewJob { is_incremental: true, terms: terms(5), ..store.new_job("2") })
}

#[test]
fn replaced_hardware_joins_a_standing_job_anew_and_the_old_attempt_stays_counted() {
    let store = Store::with_devices(2);
    let job = standing(&store);
    let old = store.begin("d0");
    replace(&store, "d0");
    let link = store.inform("d0", "1").expect("its own attempt").link;
    assert!(
        link.attempt > old.attempt + 1,
        "neither the link nor the offer of the old hardware opens anything"
    );
    assert_eq!(store.task(&job, "d0").generation, 2);
    for dead in [old.clone(), ota_protocol::link::Link { attempt: old.attempt + 1, ..old }] {
        assert!(matches!(store.act(|ledger| ledger.access(&dead).unwrap()), Access::Gone(_)));
    }
    let counters = store.counters(&job);
    assert_eq!(
        (counters.exposed, counters.begun, counters.canceled, store.record(&job).devices),
        (2, 1, 1, 3)
    );
    store.check(&job);
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform("d0", "2");
    let counters = store.counters(&job);
    assert_eq!((store.state(&job, "d0"), counters.succeeded, counters.exposed), (TaskState::Succeeded, 1, 1));
    store.check(&job);
}

#[test]
fn a_success_of_replaced_hardware_stays_counted_and_the_new_one_has_its_own() {
    let store = Store::with_devices(2);
    let job = standing(&store);
    store.succeed("d0");
    for generation in 2..4 {
        replace(&store, "d0");
        store.succeed("d0");
        assert_eq!((generation_of(&store, &job), store.counters(&job).succeeded), (generation, generation));
        store.check(&job);
    }
    store.inform("d0", "1");
    let counters = store.counters(&job);
    assert_eq!((counters.succeeded, counters.exposed), (2, 1), "only its own is reverted");
    store.check(&job);
}

fn generation_of(store: &Store, job: &str) -> i64 {
    store.task(job, "d0").generation
}

#[test]
fn a_device_that_was_deleted_and_comes_again_joins_a_standing_job_anew() {
    let store = Store::with_devices(1);
    let job = standing(&store);
    store.fail("d0");
    delete(&store, "d0");
    store.add_device("d0");
    assert!(store.inform("d0", "1").is_some());
    assert_eq!((store.state(&job, "d0"), store.counters(&job).failed), (TaskState::Granted, 1));
    store.check(&job);
}

#[test]
fn replaced_hardware_that_is_on_the_target_leaves_the_old_task_where_it_is() {
    let store = Store::with_devices(1);
    let job = standing(&store);
    store.fail("d0");
    replace(&store, "d0");
    store.inform("d0", "2");
    assert_eq!((generation_of(&store, &job), store.counters(&job).exposed), (1, 1));
    store.check(&job);
}

#[test]
fn a_canary_whose_hardware_was_replaced_has_not_succeeded_for_its_stage() {
    let store = Store::with_devices(4);
    let canary = vec![id("d0").device, id("d1").device];
    let job = store.create(NewJob { canary, is_incremental: true, ..store.new_job("2") });
    store.begin("d0");
    store.succeed("d1");
    replace(&store, "d0");
    assert!(store.inform("d0", "1").is_none());
    let why = "stage 0 cannot pass: 1 of its 2 devices succeeded, 2 must".to_owned();
    assert_eq!(store.standing(&job), (JobState::Held, why), "the old one is lost, whatever the new one does");
    store.check(&job);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    store.succeed("d0");
    assert_eq!((store.counters(&job).succeeded, store.counters(&job).exposed), (2, 1));
    store.check(&job);
}

#[test]
fn a_deleted_job_forgets_those_of_replaced_hardware_too() {
    let store = Store::with_devices(3);
    let job = standing(&store);
    for device in ["d0", "d1"] {
        if device == "d0" {
            store.fail(device);
        } else {
            store.succeed(device);
        }
        replace(&store, device);
        store.inform(device, "1");
    }
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    for device in ["d0", "d1"] {
        store.act(|ledger| ledger.cancel_task(&job, &id(device).device).unwrap());
    }
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    while store.sweep().more {}
    let left = ota_ledger::Sql::query(&store.sql, "SELECT device FROM former", &[]).unwrap();
    assert_eq!(
        left.iter().map(|row| row.text(0).unwrap()).collect::<Vec<_>>(),
        ["d0"],
        "what is exposed stays"
    );
    assert!(store.tasks(&job).is_empty());
    assert_eq!(store.act(|ledger| ledger.jobs(None, None, 9).unwrap()).len(), 0);
    let new = NewJob { exposed_elsewhere: 0, ..store.new_job("2") };
    assert!(matches!(
        store.act(|ledger| ledger.create_job(&new)),
        Err(NotCreated::ExposedElsewhere { exposed: 1, .. })
    ));
}
