//! Which firmware may follow which, and which job of a device goes first.

use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::record::Duties;
use ota_ledger::scope::Scope;
use ota_protocol::key::DeviceKey;
use ota_rollout::{JobState, Kind, Mode, TaskState, Terms};

use crate::ledger::store::{Store, id, pk, terms};

fn keys(devices: &[&str]) -> Vec<DeviceKey> {
    devices.iter().map(|device| id(device).device).collect()
}

#[test]
fn a_device_beyond_the_target_is_skipped_unless_the_job_downgrades() {
    let store = Store::with_devices(2);
    store.add_firmware("3");
    store.inform("d0", "3");
    let up = store.job(Mode::Push, terms(5));
    assert_eq!(store.state(&up, "d0"), TaskState::Skipped);
    store.inform("d1", "3");
    assert_eq!(store.state(&up, "d1"), TaskState::Skipped, "it moved beyond while it waited");
    store.check(&up);
    let down = store.create(NewJob { is_downgrade: true, ..store.new_job("2") });
    let link = store.inform("d0", "3").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform("d0", "2");
    assert_eq!(store.state(&down, "d0"), TaskState::Succeeded);
    store.check(&down);
}

#[test]
fn a_device_that_moves_beyond_the_target_by_itself_while_it_is_at_work_failed() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    let job = store.job(Mode::Push, terms(5));
    store.begin("d0");
    store.inform("d0", "3");
    assert_eq!(store.task(&job, "d0").reason.as_deref(), Some("wrong_version"));
    store.check(&job);
}

#[test]
fn an_unknown_version_is_older_than_all_unless_the_product_refuses_it() {
    let store = Store::with_devices(2);
    store.inform("d0", "nobody knows");
    store.inform("d1", "nobody knows");
    let job = store.job(Mode::Push, terms(5));
    assert!(store.inform("d0", "nobody knows").is_some());
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = true).unwrap());
    assert!(store.inform("d1", "nobody knows").is_none());
    assert_eq!(store.sweep().granted, 0);
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = false).unwrap());
    assert!(store.inform("d1", "nobody knows").is_some());
    store.check(&job);
}

#[test]
fn a_device_that_was_passed_over_for_its_version_has_its_turn_with_its_next_word() {
    let store = Store::with_devices(0);
    store.add_device("d0");
    store.inform("d0", "nobody knows");
    store.connect("d0");
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = true).unwrap());
    let job = store.job(Mode::Push, Terms { max_in_flight: 1, ..terms(5) });
    assert_eq!(store.sweep().granted, 0);
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = false).unwrap());
    assert_eq!((store.sweep().granted, store.state(&job, "d0")), (0, TaskState::Waiting));
    assert!(store.inform("d0", "nobody knows").is_some());
    store.check(&job);
}

#[test]
fn a_firmware_that_asks_for_it_is_rolled_out_only_after_a_verification_job() {
    let store = Store::with_devices(5);
    let duties = Duties { needs_verification: true, verify_most: 3, verify_least: 2, ..Duties::default() };
    store.add_firmware_with("3", duties);
    let wide = || store.act(|ledger| ledger.create_job(&store.new_job("3")));
    assert!(matches!(wide(), Err(NotCreated::NotVerified(_))));
    let verify = |devices: &[&str]| {
        let scope = Scope { devices: keys(devices), ..Scope::default() };
        store.act(|ledger| ledger.create_job(&NewJob { kind: Kind::Verify, scope, ..store.new_job("3") }))
    };
    assert!(matches!(verify(&["d0", "d1", "d2", "d3"]), Err(NotCreated::TooMany { most: 3, .. })));
    let job = verify(&["d0", "d1", "d2"]).unwrap().job;
    for device in ["d0", "d1"] {
        assert!(matches!(wide(), Err(NotCreated::NotVerified(_))));
        let link = store.inform(device, "1").unwrap().link;
        store.act(|ledger| ledger.begin(&link).unwrap());
        store.inform(device, "3");
    }
    assert!(wide().is_ok(), "two of three are enough");
    store.check(&job);
}

#[test]
fn a_verification_job_goes_before_an_older_upgrade_and_the_older_before_the_newer() {
    let store = Store::with_devices(3);
    store.add_firmware("3");
    let oldest = store.job(Mode::Push, terms(5));
    store.pass(1);
    let newer = store.job_to("3", Mode::Push, terms(5));
    store.pass(1);
    let scope = Scope { devices: keys(&["d0", "d1"]), ..Scope::default() };
    let verify = store.create(NewJob { kind: Kind::Verify, scope, ..store.new_job("3") });
    assert_eq!(store.inform("d0", "1").unwrap().link.task, verify);
    assert_eq!(store.inform("d2", "1").unwrap().link.task, oldest);
    store.sweep();
    assert_eq!(store.state(&verify, "d1"), TaskState::Granted);
    assert_eq!(store.state(&newer, "d1"), TaskState::Waiting);
}

#[test]
fn a_job_that_cannot_grant_keeps_no_other_from_it() {
    let store = Store::with_devices(2);
    store.add_firmware("3");
    let full = store.job(Mode::Push, terms(1));
    store.pass(1);
    let next = store.job_to("3", Mode::Push, terms(5));
    assert_eq!(store.inform("d0", "1").unwrap().link.task, full);
    assert_eq!(store.inform("d1", "1").unwrap().link.task, next);
}

#[test]
fn a_verification_jobs_time_runs_from_its_grant_and_not_from_its_first_sign() {
    for (kind, state) in [(Kind::Verify, TaskState::TimedOut), (Kind::Upgrade, TaskState::Downloading)] {
        let store = Store::with_devices(1);
        let terms = Terms { first_sign_within: 60_000, ..terms(5) };
        let job = store.create(NewJob { kind, terms, ..store.new_job("2") });
        let link = store.inform("d0", "1").unwrap().link;
        store.pass(50_000);
        store.act(|ledger| ledger.begin(&link).unwrap());
        store.pass(50_001);
        store.sweep();
        assert_eq!(store.state(&job, "d0"), state, "{kind:?}");
        store.check(&job);
    }
}

#[test]
fn a_newer_job_takes_a_device_on_once_the_older_has_its_verdict() {
    let store = Store::with_devices(1);
    let first = store.job(Mode::Push, terms(5));
    store.add_firmware("3");
    let second = store.job_to("3", Mode::Push, terms(5));
    store.begin("d0");
    assert!(store.inform("d0", "1").is_none(), "one at a time");
    let link = store.inform("d0", "2").unwrap().link;
    assert_eq!((link.task.as_str(), store.standing(&first).0), (second.as_str(), JobState::Done));
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform("d0", "3");
    assert_eq!(store.state(&first, "d0"), TaskState::Succeeded, "moving on is no revert");
    store.check(&first);
    store.check(&second);
}
