//! Firmware that devices must pass through on their way: each hop is exposed by itself.

use ota_ledger::download::Begun;
use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::offer::Offers;
use ota_ledger::record::Duties;
use ota_rollout::{JobState, Mode, Reasons, Retry, TaskState, Terms};

use crate::ledger::store::{Store, id, object_of, pk, terms, ver};

/// Devices on 1, firmware 2 and 3 that must be passed through, and 4.
fn with_hops(devices: usize) -> Store {
    let store = Store::new();
    for n in 0..devices {
        store.add_device(&format!("d{n}"));
        store.inform(&format!("d{n}"), "1");
    }
    for version in ["2", "3"] {
        store.add_firmware_with(version, Duties { must_pass: true, ..Duties::default() });
    }
    store.add_firmware("4");
    store
}

/// What the device is told when it informs `version`.
fn told(store: &Store, device: &str, version: &str) -> Option<String> {
    store.inform(device, version).map(|command| command.firmware.version.to_string())
}

/// The device informs `version`, and begins what it is told.
fn begin(store: &Store, device: &str, version: &str) {
    let link = store.inform(device, version).unwrap().link;
    assert_eq!(store.act(|ledger| ledger.begin(&link).unwrap()), Begun::Yes);
}

#[test]
fn a_device_takes_each_hop_in_order_and_succeeds_with_the_last() {
    let store = with_hops(1);
    let job = store.job_to("4", Mode::Push, terms(1));
    for (version, next) in [("1", "2"), ("2", "3"), ("3", "4")] {
        assert_eq!(told(&store, "d0", version).as_deref(), Some(next));
        begin(&store, "d0", version);
        let counters = store.counters(&job);
        assert_eq!((counters.exposed, counters.begun, counters.succeeded), (1, 1, 0), "on {version}");
        store.check(&job);
    }
    store.inform("d0", "4");
    let counters = store.counters(&job);
    assert_eq!((counters.exposed, counters.succeeded), (0, 1));
    assert_eq!(store.standing(&job).0, JobState::Done);
    let passes = store.events(&job).into_iter().filter(|kind| kind == "passed").count();
    assert_eq!((passes, store.task(&job, "d0").task.attempt), (2, 3));
    store.check(&job);
}

#[test]
fn passing_a_hop_gives_the_place_back_and_the_next_hop_takes_one_anew() {
    let store = with_hops(3);
    let job = store.job_to("4", Mode::Push, Terms { max_in_flight: 1, ..terms(2) });
    begin(&store, "d0", "1");
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.inform("d0", "2");
    let (task, counters) = (store.task(&job, "d0").task, store.counters(&job));
    assert_eq!((task.state, task.exposed, task.begun, task.tries), (TaskState::Waiting, false, false, 0));
    assert_eq!((counters.exposed, counters.begun, counters.succeeded, counters.waiting), (0, 0, 0, 3));
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    store.check(&job);
}

#[test]
fn a_device_that_is_lost_on_a_hop_is_lost_and_its_late_pass_takes_it_back() {
    let store = with_hops(2);
    let job = store.job_to("4", Mode::Push, terms(2));
    begin(&store, "d0", "1");
    store.pass(100_001);
    assert_eq!(store.sweep().timed_out, 1);
    assert_eq!(
        store.counters(&job).lost(),
        1 - store.counters(&job).in_flight + store.counters(&job).in_flight
    );
    store.inform("d0", "2");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.task.exposed), (TaskState::TimedOut, false), "the verdict stays");
    assert_eq!(task.reason.as_deref(), Some("timed_out"));
    assert_eq!(store.counters(&job).succeeded, 0);
    store.check(&job);
    store.act(|ledger| ledger.retry_task(&job, &id("d0").device).unwrap());
    assert_eq!(told(&store, "d0", "2").as_deref(), Some("3"), "from where it is");
    store.check(&job);
}

#[test]
fn a_device_that_skips_the_rest_of_the_way_has_succeeded() {
    let store = with_hops(1);
    let job = store.job_to("4", Mode::Push, terms(1));
    begin(&store, "d0", "1");
    store.inform("d0", "4");
    assert_eq!((store.state(&job, "d0"), store.counters(&job).exposed), (TaskState::Succeeded, 0));
    store.check(&job);
}

#[test]
fn a_device_that_lands_on_another_hop_than_it_was_told_failed_and_goes_on_from_there_when_retried() {
    let store = with_hops(1);
    let retry = Retry { attempts: 3, backoff: 60_000, reasons: Reasons::ALL };
    let job = store.job_to("4", Mode::Push, Terms { retry, ..terms(1) });
    begin(&store, "d0", "1");
    store.inform("d0", "3");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.reason.as_deref()), (TaskState::Waiting, Some("wrong_version")));
    store.pass(75_001);
    store.sweep();
    assert_eq!(told(&store, "d0", "3").as_deref(), Some("4"));
    store.check(&job);
}

#[test]
fn retries_of_a_hop_are_counted_by_themselves() {
    let store = with_hops(1);
    let retry = Retry { attempts: 2, backoff: 60_000, reasons: Reasons::ALL };
    let job = store.job_to("4", Mode::Push, Terms { retry, ..terms(1) });
    for (version, next) in [("1", "2"), ("2", "3"), ("3", "4")] {
        begin(&store, "d0", version);
        store.report("d0", -4);
        assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "the first try to {next}");
        store.pass(75_001);
        store.sweep();
        assert_eq!(told(&store, "d0", version).as_deref(), Some(next));
        begin(&store, "d0", version);
        store.check(&job);
    }
    store.inform("d0", "4");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn a_rollback_from_a_hop_is_one() {
    let store = with_hops(1);
    let job = store.job_to("4", Mode::Push, terms(1));
    begin(&store, "d0", "1");
    begin_and_return(&store, "d0");
    assert_eq!(store.task(&job, "d0").reason.as_deref(), Some("rollback"));
    store.check(&job);
}

fn begin_and_return(store: &Store, device: &str) {
    store.report(device, 80);
    store.inform(device, "1");
    store.pass(5001);
    store.sweep();
}

#[test]
fn leaving_the_target_for_a_hop_is_reverted() {
    let store = with_hops(2);
    let job = store.job_to("4", Mode::Push, terms(2));
    store.inform("d0", "3");
    begin(&store, "d0", "3");
    store.inform("d0", "4");
    store.inform("d0", "3");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.reason.as_deref()), (TaskState::Failed, Some("reverted")));
    assert_eq!(store.counters(&job).exposed, 1 + store.counters(&job).in_flight);
    store.check(&job);
}

#[test]
fn devices_beyond_a_hop_and_of_unknown_versions_start_where_they_are() {
    let store = with_hops(1);
    for device in ["a", "b"] {
        store.add_device(device);
    }
    store.job_to("4", Mode::Push, terms(9));
    assert_eq!(told(&store, "a", "3").as_deref(), Some("4"));
    assert_eq!(told(&store, "b", "nobody knows").as_deref(), Some("2"));
}

#[test]
fn getversion_offers_the_next_hop() {
    let store = with_hops(1);
    let job = store.job_to("4", Mode::Request, terms(1));
    for (version, next) in [("1", "2"), ("2", "3"), ("3", "4")] {
        store.inform("d0", version);
        let Offers::List(list) = store.act(|ledger| ledger.offers(&id("d0")).unwrap()) else {
            panic!("unknown")
        };
        let versions: Vec<_> = list.iter().map(|offer| offer.firmware.version.to_string()).collect();
        assert_eq!(versions, [next]);
        assert_eq!(store.act(|ledger| ledger.begin(&list[0].link).unwrap()), Begun::Yes);
        store.check(&job);
    }
    store.inform("d0", "4");
    assert_eq!(store.standing(&job).0, JobState::Done);
}

#[test]
fn a_damaged_hop_holds_the_job_refuses_its_resume_and_the_next_that_needs_it() {
    let store = with_hops(2);
    let job = store.job_to("4", Mode::Push, terms(2));
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged").unwrap());
    assert_eq!(store.standing(&job), (JobState::Held, "firmware quarantined".to_owned()));
    let refused = store.act(|ledger| ledger.resume_job(&job)).unwrap_err().to_string();
    assert_eq!(refused, "its firmware is quarantined");
    for version in ["3", "4"] {
        let refused = store.act(|ledger| ledger.create_job(&store.new_job(version)));
        assert!(matches!(refused, Err(NotCreated::Gap(hop)) if hop == "2"), "{version}");
    }
    assert!(matches!(
        store.act(|ledger| ledger.create_job(&store.new_job("2"))),
        Err(NotCreated::Quarantined(_))
    ));
    assert!(
        store.act(|ledger| ledger.create_job(&NewJob { is_downgrade: true, ..store.new_job("1") })).is_err()
    );
}

#[test]
fn a_job_whose_firmware_is_damaged_while_its_tasks_are_made_holds() {
    let store = with_hops(0);
    let insert = "INSERT INTO device (product, device, secret, version, place, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 20500)
        SELECT 'pk', 'f' || CAST(100000 + i AS TEXT), 'sealed', '1', i, 0 FROM n";
    ota_ledger::Sql::execute(&store.sql, insert, &[]).unwrap();
    let job = store.job_to("4", Mode::Push, terms(2));
    assert_eq!(store.standing(&job).0, JobState::Preparing);
    store.act(|ledger| {
        ledger.quarantine(&pk(), &ver("3"), &object_of("3"), &id("f100001"), "damaged").unwrap()
    });
    store.sweep();
    assert_eq!(store.standing(&job), (JobState::Held, "firmware quarantined".to_owned()));
}
