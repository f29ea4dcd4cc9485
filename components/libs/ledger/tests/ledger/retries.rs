//! Retries: which failures are followed by another attempt, when, and how every task ends.

use ota_ledger::job::NewJob;
use ota_ledger::record::TaskRecord;
use ota_rollout::{JobState, Kind, Mode, Reasons, Retry, Schedule, TaskState, Terms};

use crate::ledger::store::{START, Store, id, terms};

const BACKOFF: i64 = 60_000;
/// The longest first wait (ms).
const LONGEST: i64 = BACKOFF * 5 / 4;

fn retrying(attempts: i64, loss_budget: i64) -> Terms {
    let retry = Retry { attempts, backoff: BACKOFF, reasons: Reasons::ALL };
    Terms { retry, reachable_within: 10_000_000, ..terms(loss_budget) }
}

/// Ends an attempt of `d0` that has begun.
fn end(store: &Store, how: &str) {
    match how {
        "upgrade_failed" => store.report("d0", -1),
        "download_failed" => store.report("d0", -2),
        "verification_failed" => store.report("d0", -3),
        "burning_failed" => store.report("d0", -4),
        "ignored" => store.report("d0", -5),
        "device_code" => store.report("d0", -77),
        "wrong_version" => drop(store.inform("d0", "7")),
        "timed_out" => {
            store.pass(100_001);
            store.sweep();
        }
        "rollback" => {
            store.report("d0", 80);
            store.inform("d0", "1");
            store.pass(5001);
            store.sweep();
        }
        _ => panic!("{how} is no reason"),
    }
}

#[test]
fn a_reason_that_the_policy_names_is_followed_by_another_attempt_and_no_other_is() {
    for reason in Reasons::ALL.words() {
        let own = Reasons::parse(reason).unwrap();
        let others = Reasons::from_bits(Reasons::ALL.bits() - own.bits()).unwrap();
        for (reasons, expected) in [(own, TaskState::Waiting), (others, TaskState::Failed)] {
            let store = Store::with_devices(2);
            let retry = Retry { attempts: 2, backoff: BACKOFF, reasons };
            let job = store.job(Mode::Push, Terms { retry, ..terms(10) });
            store.begin("d0");
            end(&store, reason);
            let TaskRecord { task, reason: kept, .. } = store.task(&job, "d0");
            let is_silent = task.state == TaskState::TimedOut && reason == "timed_out";
            assert!(
                task.state == expected || (expected != TaskState::Waiting && is_silent),
                "{reason} {task:?}"
            );
            assert!(kept.unwrap().starts_with(reason));
            assert_eq!((task.exposed, task.backing_off), (true, expected == TaskState::Waiting), "{reason}");
            store.check(&job);
        }
    }
}

#[test]
fn waits_double_within_a_quarter_and_attempts_end() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, retrying(4, 10));
    let mut now = START;
    for (attempt, rest) in [(1, BACKOFF), (2, 2 * BACKOFF), (3, 4 * BACKOFF)] {
        store.begin("d0");
        store.report("d0", -4);
        let task = store.task(&job, "d0");
        assert_eq!((task.task.state, task.task.attempt), (TaskState::Waiting, attempt));
        let wait = task.deadline.unwrap() - now;
        assert!((wait - rest).abs() <= rest / 4, "{wait} after attempt {attempt}");
        let counters = store.counters(&job);
        assert_eq!((counters.exposed, counters.retrying, counters.begun), (1, 1, 1));
        assert!(store.inform("d0", "1").is_none(), "not before it is due");
        store.pass(rest * 5 / 4 + 1);
        now += rest * 5 / 4 + 1;
        store.sweep();
        store.check(&job);
    }
    store.fail("d0");
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.reason.as_deref()), (TaskState::Failed, Some("burning_failed")));
    assert_eq!((store.counters(&job).exposed, store.counters(&job).retrying), (1, 0));
    store.check(&job);
}

#[test]
fn a_retry_that_is_due_takes_no_second_place_in_the_budget() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, retrying(3, 1));
    store.fail("d0");
    assert_eq!(store.standing(&job).0, JobState::Running, "a retry is due");
    assert!(store.inform("d1", "1").is_none());
    store.pass(LONGEST + 1);
    let swept = store.sweep();
    assert_eq!(swept.granted, 1);
    assert_eq!(store.state(&job, "d0"), TaskState::Granted);
    assert_eq!(store.counters(&job).exposed, 1);
    store.succeed("d0");
    assert!(store.inform("d1", "1").is_some());
    store.check(&job);
}

#[test]
fn a_retry_that_is_due_goes_before_devices_that_are_not_at_risk() {
    let store = Store::with_devices(6);
    let job = store.job(Mode::Push, Terms { max_in_flight: 1, ..retrying(3, 5) });
    store.fail("d0");
    for device in ["d1", "d2", "d3", "d4", "d5"] {
        store.connect(device);
    }
    assert_eq!(store.counters(&job).in_flight, 1);
    store.pass(LONGEST + 1);
    let [busy] = store.devices_in(&job, TaskState::Granted).try_into().unwrap();
    store.succeed(&busy);
    store.sweep();
    assert_eq!(store.devices_in(&job, TaskState::Granted), ["d0"]);
    store.check(&job);
}

#[test]
fn a_retry_that_falls_due_while_the_window_is_closed_waits_for_it() {
    let store = Store::with_devices(2);
    // START is 2027-01-15, 08:00 in UTC.
    let schedule = Schedule::parse(0, "UTC 07:00-08:01").unwrap();
    let job = store.create(NewJob { schedule, terms: retrying(2, 10), ..store.new_job("2") });
    store.fail("d0");
    for _ in 0..20 {
        store.pass(3_600_000);
        store.sweep();
        assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
        store.check(&job);
    }
    store.pass(3 * 3_600_000);
    store.inform("d0", "1").unwrap();
    assert_eq!(store.counters(&job).exposed, 1);
    store.check(&job);
}

#[test]
fn a_retry_of_a_paused_job_waits_for_its_resume() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, retrying(2, 10));
    store.fail("d0");
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    for _ in 0..50 {
        store.pass(50_000);
        store.sweep();
    }
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.sweep().granted, 2);
    store.check(&job);
}

#[test]
fn a_retry_that_is_due_finds_no_way_around_a_full_or_a_paused_job() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, Terms { max_in_flight: 1, ..retrying(2, 10) });
    store.fail("d0");
    store.begin("d1");
    store.pass(LONGEST + 1);
    store.sweep();
    assert!(!store.task(&job, "d0").task.backing_off);
    assert!(store.inform("d0", "1").is_none(), "as many as may be are at work");
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.inform("d1", "2");
    assert!(store.inform("d0", "1").is_none(), "paused");
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert!(store.inform("d0", "1").is_some());
    store.check(&job);
}

#[test]
fn a_retry_whose_device_stays_away_times_out() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, Terms { reachable_within: 1000, ..retrying(5, 10) });
    store.fail("d0");
    store.pass(LONGEST + 1);
    assert_eq!(store.sweep().granted, 0);
    store.pass(100_001);
    assert_eq!(store.sweep().timed_out, 1);
    let task = store.task(&job, "d0");
    assert_eq!((task.task.state, task.task.exposed), (TaskState::TimedOut, true));
    assert_eq!(store.standing(&job).0, JobState::Done);
    store.check(&job);
}

#[test]
fn a_device_that_failed_before_it_began_gives_its_place_back_while_it_waits() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, retrying(2, 1));
    store.inform("d0", "1").unwrap();
    store.report("d0", -5);
    let counters = store.counters(&job);
    assert_eq!((counters.exposed, counters.retrying, counters.waiting), (0, 0, 2));
    store.begin("d1");
    store.pass(LONGEST + 1);
    store.sweep();
    assert!(store.inform("d0", "1").is_none(), "the place is another's");
    store.inform("d1", "2");
    assert!(store.inform("d0", "1").is_some());
    store.check(&job);
}

#[test]
fn the_target_ends_a_task_that_waits_for_its_next_attempt() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, retrying(2, 10));
    store.fail("d0");
    store.inform("d0", "2");
    let counters = store.counters(&job);
    assert_eq!((counters.succeeded, counters.exposed, counters.retrying), (1, 0, 0));
    store.pass(LONGEST + 1);
    store.sweep();
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn a_lapse_is_no_try() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, retrying(2, 10));
    for _ in 0..4 {
        store.inform("d0", "1").unwrap();
        store.pass(10_001);
        assert_eq!(store.sweep().lapsed, 1);
    }
    assert_eq!((store.task(&job, "d0").task.tries, store.task(&job, "d0").task.attempt), (0, 4));
    store.fail("d0");
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "the first try of two");
    store.check(&job);
}

#[test]
fn an_attempt_that_lapses_after_one_began_leaves_the_device_at_risk_until_it_times_out() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, retrying(3, 1));
    store.fail("d0");
    store.pass(LONGEST + 1);
    assert_eq!(store.sweep().granted, 1);
    store.pass(10_001);
    assert_eq!(store.sweep().lapsed, 1);
    assert_eq!((store.counters(&job).exposed, store.counters(&job).retrying), (1, 1));
    assert_eq!(store.standing(&job).0, JobState::Running);
    store.pass(100_001);
    assert_eq!(store.sweep().timed_out, 1);
    let why = "loss budget spent: 1 exposed of 1".to_owned();
    assert_eq!(store.standing(&job), (JobState::Held, why));
    store.check(&job);
}

#[test]
fn a_verification_jobs_retry_has_its_time_from_now_on_and_not_from_the_grant_before() {
    let store = Store::with_devices(1);
    let job = store.create(NewJob { kind: Kind::Verify, terms: retrying(3, 10), ..store.new_job("2") });
    store.begin("d0");
    store.pass(90_000);
    store.report("d0", -4);
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.pass(LONGEST + 1);
    // Due, but not granted: its time has only begun.
    store.sweep();
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    let swept = store.sweep();
    assert_eq!((swept.timed_out, swept.granted), (0, 1));
    store.check(&job);
}

#[test]
fn a_person_who_retries_a_verification_long_after_gives_it_its_whole_time() {
    let store = Store::with_devices(1);
    let job = store.create(NewJob { kind: Kind::Verify, ..store.new_job("2") });
    store.fail("d0");
    store.pass(10_000_000);
    store.act(|ledger| ledger.retry_task(&job, &id("d0").device).unwrap());
    store.sweep();
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
    store.succeed("d0");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn a_task_without_policy_ends_with_its_first_failure() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.fail("d0");
    assert_eq!(store.state(&job, "d0"), TaskState::Failed);
    assert!(store.act(|ledger| ledger.retry_task(&job, &id("d0").device)).is_ok());
}
