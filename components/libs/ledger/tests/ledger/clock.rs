//! A clock that was set back, by a failover to a machine that is behind: its stamps ahead of now compare with nothing.

use ota_rollout::{Mode, TaskState};

use crate::ledger::late::{report_aged, version};
use crate::ledger::store::{Store, terms};

#[test]
fn a_clock_that_was_set_back_silences_nobody() {
    let store = Store::with_devices(1);
    store.pass(-3_600_000);
    store.inform_aged("d0", "2", Some(10));
    assert_eq!(version(&store, "d0").as_deref(), Some("2"));
}

#[test]
fn a_clock_that_was_set_back_silences_no_device_at_work() {
    for age in [None, Some(10)] {
        let store = Store::with_devices(3);
        let job = store.job(Mode::Push, terms(10));
        for device in ["d0", "d1", "d2"] {
            store.begin(device);
        }
        store.inform("d2", "2");
        store.pass(-5000);
        store.inform_aged("d0", "2", age);
        assert_eq!(store.state(&job, "d0"), TaskState::Succeeded, "{age:?}");
        report_aged(&store, "d1", -4, age.unwrap_or_default());
        assert_eq!(store.state(&job, "d1"), TaskState::Failed, "{age:?}");
        store.inform_aged("d2", "1", age);
        assert_eq!(store.state(&job, "d2"), TaskState::Failed, "{age:?}");
        store.check(&job);
    }
}

#[test]
fn after_a_clock_was_set_back_the_job_that_moved_a_device_last_is_reverted() {
    let store = Store::with_devices(1);
    let first = store.job(Mode::Push, terms(10));
    store.succeed("d0");
    store.pass(-5000);
    store.add_firmware("3");
    let second = store.job_to("3", Mode::Push, terms(10));
    let link = store.inform("d0", "2").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform("d0", "3");
    let states = || (store.state(&first, "d0"), store.state(&second, "d0"));
    assert_eq!(states(), (TaskState::Succeeded, TaskState::Succeeded));
    store.inform("d0", "2");
    assert_eq!(states(), (TaskState::Succeeded, TaskState::Failed));
}
