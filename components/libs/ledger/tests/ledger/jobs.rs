//! Jobs: what is refused, what they start with, and what stop means.

use ota_ledger::job::NewJob;
use ota_ledger::scope::Scope;
use ota_protocol::key::DeviceKey;
use ota_rollout::{JobState, Mode};

use crate::ledger::store::{Store, id, object_of, pk, terms, ver};

fn create(store: &Store, to: &str, scope: Scope) -> Result<(i64, JobState), String> {
    let new = NewJob { scope, ..store.new_job(to) };
    let created = store.act(|ledger| ledger.create_job(&new));
    created.map(|job| (job.devices, job.state)).map_err(|error| error.to_string())
}

#[test]
fn what_cannot_be_a_job_is_refused_and_leaves_nothing() {
    let store = Store::with_devices(1);
    let unknown = vec![DeviceKey::parse("d0").unwrap(), DeviceKey::parse("d9").unwrap()];
    for (to, scope, why) in [
        ("9", Scope::default(), "firmware 9 is not registered"),
        ("2", Scope { devices: unknown, ..Scope::default() }, "device d9 is not registered"),
        ("2", Scope { from: vec![ver("0")], ..Scope::default() }, "no device is in the scope of the job"),
    ] {
        assert_eq!(create(&store, to, scope), Err(why.to_owned()));
    }
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged").unwrap());
    assert_eq!(create(&store, "2", Scope::default()), Err("firmware 2 is quarantined".to_owned()));
    assert!(store.act(|ledger| ledger.jobs(None, None, 10).unwrap()).is_empty());
}

#[test]
fn scopes_take_the_devices_that_they_name_once() {
    let store = Store::with_devices(3);
    store.inform("d2", "1.5");
    let twice = vec![DeviceKey::parse("d0").unwrap(), DeviceKey::parse("d0").unwrap()];
    assert_eq!(create(&store, "2", Scope::default()), Ok((3, JobState::Running)));
    assert_eq!(create(&store, "2", Scope { devices: twice, ..Scope::default() }), Ok((1, JobState::Running)));
    assert_eq!(
        create(&store, "2", Scope { from: vec![ver("1"), ver("1")], ..Scope::default() }),
        Ok((2, JobState::Running))
    );
}

#[test]
fn a_job_whose_devices_are_all_there_already_is_done_at_once() {
    let store = Store::with_devices(1);
    store.inform("d0", "2");
    assert_eq!(create(&store, "2", Scope::default()), Ok((1, JobState::Done)));
}

#[test]
fn a_job_is_created_once_however_often_its_creation_is_repeated() {
    let store = Store::with_devices(2);
    let new = store.new_job("2");
    for _ in 0..3 {
        assert_eq!(store.act(|ledger| ledger.create_job(&new)).unwrap().job, new.id);
    }
    assert_eq!(store.act(|ledger| ledger.jobs(None, None, 10).unwrap()).len(), 1);
    assert_eq!(store.events(&new.id), ["job_created"]);
}

#[test]
fn stop_is_final_repeatable_and_written_down_once() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    for _ in 0..2 {
        let stopped = store.act(|ledger| ledger.stop_job(&job, false)).unwrap();
        assert_eq!(stopped.state, JobState::Stopped);
    }
    assert!(store.inform("d0", "1").is_none());
    assert_eq!(store.events(&job), ["job_created", "stopped"]);
    assert!(store.act(|ledger| ledger.stop_job("none", false)).is_err());
}
