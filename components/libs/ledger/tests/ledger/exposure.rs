//! When a device is exposed, and what alone takes that back.

use ota_ledger::download::Access;
use ota_protocol::link::Link;
use ota_rollout::{JobState, Mode, TaskState};

use crate::ledger::store::{Store, id, terms};

fn exposed(store: &Store, job: &str) -> i64 {
    store.check(job);
    store.counters(job).exposed
}

fn is_returned(store: &Store, link: &Link) -> bool {
    matches!(store.act(|ledger| ledger.access(link).unwrap()), Access::Returned(_))
}

#[test]
fn a_device_is_exposed_from_its_grant_on_until_it_is_back_on_the_target() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(5));
    let link = store.inform("d0", "1").unwrap().link;
    assert_eq!(exposed(&store, &job), 1);
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.act(|ledger| ledger.complete(&link).unwrap());
    store.inform("d0", "1");
    assert_eq!(exposed(&store, &job), 1);
    store.inform("d0", "2");
    assert_eq!(exposed(&store, &job), 0);
}

#[test]
fn an_attempt_that_ends_before_any_began_takes_the_exposure_back() {
    let store = Store::with_devices(4);
    let job = store.job(Mode::Push, terms(9));
    for device in ["d0", "d1", "d2", "d3"] {
        store.inform(device, "1").unwrap();
    }
    store.report("d0", -5);
    store.inform("d1", "7");
    store.act(|ledger| ledger.cancel_task(&job, &id("d2").device).unwrap());
    store.pass(10_001);
    store.sweep();
    let states = ["d0", "d1", "d2", "d3"].map(|device| store.state(&job, device));
    assert_eq!(states, [TaskState::Failed, TaskState::Failed, TaskState::Canceled, TaskState::Waiting]);
    assert_eq!((exposed(&store, &job), store.counters(&job).begun), (0, 0));
}

#[test]
fn nothing_but_the_target_takes_back_the_exposure_of_one_that_began() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(9));
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.begin(device);
    }
    store.report("d0", -3);
    store.inform("d1", "7");
    store.act(|ledger| ledger.cancel_task(&job, &id("d2").device).unwrap());
    store.act(|ledger| ledger.replace_device(&id("d3"), "anew").unwrap());
    store.pass(100_001);
    store.sweep();
    store.act(|ledger| ledger.stop_job(&job, true).unwrap());
    for device in ["d0", "d1", "d2"] {
        store.inform(device, "1");
    }
    assert_eq!(exposed(&store, &job), 5);
    store.inform("d0", "2");
    assert_eq!(exposed(&store, &job), 4);
}

#[test]
fn a_device_that_flashes_bytes_it_kept_has_begun_though_it_never_downloaded() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(5));
    store.inform("d0", "1").unwrap();
    store.report("d0", 0);
    store.report("d0", -4);
    assert_eq!((exposed(&store, &job), store.counters(&job).begun), (1, 1));
    store.inform("d1", "1").unwrap();
    store.report("d1", 10);
    store.inform("d1", "2");
    assert_eq!(store.counters(&job).succeeded, 1);
    assert_eq!(exposed(&store, &job), 1);
}

#[test]
fn a_device_that_only_lost_its_connection_goes_on_when_it_asks_for_more() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(5));
    let link = store.begin("d0");
    store.act(|ledger| ledger.complete(&link).unwrap());
    store.inform("d0", "1");
    assert!(is_returned(&store, &link));
    let returned = store.task(&job, "d0");
    store.act(|ledger| ledger.resume(&link).unwrap());
    assert!(!is_returned(&store, &link));
    let resumed = store.task(&job, "d0");
    assert!(resumed.deadline > returned.deadline);
    assert_eq!(resumed.deadline, resumed.times_out_at, "its own time-out runs on");
    store.pass(5001);
    assert_eq!(store.sweep().failed, 0);
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn one_that_boots_the_old_version_over_and_over_ends_with_its_own_time_out() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(5));
    let link = store.begin("d0");
    store.act(|ledger| ledger.complete(&link).unwrap());
    for _ in 0..40 {
        store.inform("d0", "1");
        store.pass(2600);
        store.sweep();
        store.act(|ledger| ledger.resume(&link).unwrap());
    }
    assert!(store.state(&job, "d0").is_ended());
    assert_eq!(exposed(&store, &job), 1);
}

#[test]
fn a_revert_is_lost_and_its_return_is_a_late_success() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(5));
    store.succeed("d0");
    store.inform("d0", "1");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.reason.as_deref()), (TaskState::Failed, Some("reverted")));
    assert_eq!((exposed(&store, &job), store.counters(&job).succeeded), (1, 0));
    assert_eq!(store.messages(&job), ["first_failure"]);
    store.inform("d0", "2");
    assert_eq!((exposed(&store, &job), store.counters(&job).succeeded), (0, 1));
    store.inform("d0", "1");
    assert_eq!((exposed(&store, &job), store.counters(&job).succeeded), (1, 0));
}

#[test]
fn a_revert_may_move_the_bound_below_a_grant_which_then_does_not_begin() {
    let store = Store::with_devices(20);
    let terms = ota_rollout::Terms {
        budget: ota_rollout::Budget { loss_budget: 1, growth: 1000 },
        max_failure_rate: 1000,
        ..terms(1)
    };
    let job = store.job(Mode::Push, terms);
    store.succeed("d0");
    let first = store.inform("d1", "1").unwrap().link;
    let second = store.inform("d2", "1").unwrap().link;
    store.act(|ledger| ledger.begin(&first).unwrap());
    store.inform("d0", "1");
    assert_eq!(exposed(&store, &job), 3);
    let begun = store.act(|ledger| ledger.begin(&second).unwrap());
    assert_eq!(begun, ota_ledger::download::Begun::Later);
    assert_eq!(store.standing(&job).0, JobState::Running);
    store.check(&job);
}

#[test]
fn every_message_is_repeated_without_effect() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(5));
    let link = store.begin("d0");
    for _ in 0..2 {
        store.act(|ledger| ledger.begin(&link).unwrap());
        store.act(|ledger| ledger.complete(&link).unwrap());
        store.report("d0", 90);
        store.inform("d0", "2");
        store.report("d0", 100);
    }
    let kinds = store.events(&job);
    assert_eq!(kinds, ["job_created", "granted", "begun", "downloaded", "succeeded"]);
    store.check(&job);
}
