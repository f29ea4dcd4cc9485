//! What the sweep concludes, grants and delivers.

use ota_ledger::Sql;
use ota_ledger::deliver::Recipient;
use ota_ledger::presence::Session;
use ota_ledger::sweep::{BATCH, GRANTS, Swept};
use ota_rollout::{JobState, Mode, TaskState, Terms};

use crate::ledger::store::{Store, id, terms};

fn session(device: &str) -> Session {
    Session { id: id(device), bridge: Some("b1".to_owned()), number: 1 }
}

fn sweep(store: &Store) -> Swept {
    store.act(|ledger| ledger.sweep().unwrap())
}

fn delivered_to(store: &Store, bridge: Option<&str>) -> Vec<String> {
    let due = store.due_for(bridge.map_or(Recipient::Broker, Recipient::Reporter));
    due.commands.into_iter().map(|(id, _)| id.device.to_string()).collect()
}

#[test]
fn connected_devices_are_granted_and_told_through_the_bridge_that_holds_them() {
    let store = Store::with_devices(2);
    store.session_begins(&session("d0"));
    store.pass(700_000);
    let job = store.job(Mode::Push, terms(10));
    assert_eq!(sweep(&store).granted, 1);
    assert_eq!(store.state(&job, "d1"), TaskState::Waiting);
    assert!(delivered_to(&store, Some("b2")).is_empty());
    assert_eq!(delivered_to(&store, Some("b1")), ["d0"]);
    assert!(delivered_to(&store, Some("b1")).is_empty());
    store.pass(2000);
    assert_eq!(delivered_to(&store, Some("b1")), ["d0"]);
    store.check(&job);
}

#[test]
fn a_device_that_no_bridge_holds_is_told_through_the_broker() {
    let store = Store::with_devices(1);
    store.job(Mode::Push, terms(10));
    assert_eq!(sweep(&store).granted, 1);
    assert_eq!(delivered_to(&store, None), ["d0"]);
}

#[test]
fn an_acknowledged_push_is_not_repeated_and_its_time_out_runs() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    sweep(&store);
    let push_id = store.task(&job, "d0").push_id.unwrap();
    store.act(|ledger| ledger.delivered(&push_id).unwrap());
    store.act(|ledger| ledger.delivered("no such push").unwrap());
    store.pass(20_000);
    assert!(delivered_to(&store, None).is_empty());
    assert_eq!(sweep(&store).lapsed, 0);
    store.pass(100_000);
    assert_eq!(sweep(&store).timed_out, 1);
    let task = store.task(&job, "d0").task;
    assert_eq!((task.state, task.exposed), (TaskState::TimedOut, false));
    store.check(&job);
}

#[test]
fn a_device_that_lapsed_is_granted_again_only_when_it_is_heard() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    assert_eq!(sweep(&store).granted, 1);
    store.pass(10_001);
    let swept = sweep(&store);
    assert_eq!((swept.lapsed, swept.granted), (1, 0));
    assert_eq!(sweep(&store).granted, 0);
    assert!(store.inform("d0", "1").is_some());
    assert_eq!(store.task(&job, "d0").task.attempt, 2);
    store.check(&job);
}

#[test]
fn a_device_that_is_neither_connected_nor_heard_is_not_granted() {
    let store = Store::with_devices(1);
    store.pass(600_001);
    store.job(Mode::Push, terms(10));
    assert_eq!(sweep(&store).granted, 0);
}

#[test]
fn a_device_that_connects_and_never_informed_is_not_granted() {
    let store = Store::with_devices(0);
    store.add_device("d0");
    let job = store.job(Mode::Push, terms(10));
    store.session_begins(&session("d0"));
    assert_eq!(sweep(&store), Swept::default());
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
}

#[test]
fn the_sweep_grants_up_to_the_budget_and_holds_when_it_is_spent() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(2));
    assert_eq!(sweep(&store).granted, 2);
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        if store.state(&job, device) == TaskState::Granted {
            let link = store.inform(device, "1").unwrap().link;
            store.act(|ledger| ledger.begin(&link).unwrap());
        }
    }
    store.pass(100_001);
    assert_eq!(sweep(&store).timed_out, 2);
    let record = store.record(&job);
    assert_eq!(
        (record.state, record.held_because.as_deref()),
        (JobState::Held, Some("loss budget spent: 2 exposed of 2"))
    );
    assert_eq!(record.counters.exposed, 2);
    assert_eq!(sweep(&store), Swept::default());
    store.check(&job);
}

#[test]
fn one_call_does_a_bounded_amount_and_says_that_there_is_more() {
    let store = Store::with_devices(GRANTS + 20);
    let terms = Terms { max_in_flight: 1000, ..terms(1000) };
    let job = store.job(Mode::Push, terms);
    let first = sweep(&store);
    assert_eq!((first.granted, first.more), (GRANTS as u64, true));
    let second = sweep(&store);
    assert_eq!((second.granted, second.more), (20, false));
    store.check(&job);
}

#[test]
fn commands_of_a_stopped_job_do_not_keep_those_of_another_waiting() {
    let store = Store::with_devices(BATCH + 1);
    let most = i64::try_from(BATCH).unwrap();
    let stopped = store.job(Mode::Push, Terms { max_in_flight: most, ..terms(1000) });
    sweep(&store);
    store.act(|ledger| ledger.stop_job(&stopped, false).unwrap());
    store.pass(1);
    store.job(Mode::Push, terms(1000));
    assert_eq!(sweep(&store).granted, 1);
    assert_eq!(delivered_to(&store, None).len(), 1);
}

#[test]
fn a_revert_that_spends_the_budget_holds_the_job() {
    let store = Store::with_devices(2);
    let link = |device| store.inform(device, "1").unwrap().link;
    let job = store.job(Mode::Push, terms(1));
    let first = link("d0");
    store.act(|ledger| ledger.begin(&first).unwrap());
    store.inform("d0", "2");
    assert_eq!(store.record(&job).state, JobState::Running);
    store.inform("d0", "1");
    assert_eq!(store.record(&job).state, JobState::Held);
    store.check(&job);
}

#[test]
fn a_job_whose_counters_are_not_the_counts_of_its_tasks_holds() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(5));
    store.begin("d0");
    store.sql.execute("UPDATE job SET begun = begun + 1", &[]).unwrap();
    sweep(&store);
    assert_eq!(store.standing(&job).0, JobState::Running, "it was counted less than an hour ago");
    store.pass(3_600_000);
    store.sweep();
    assert_eq!(store.standing(&job), (JobState::Held, "counters: begun is 2, counted 1".to_owned()));
    assert_eq!(store.messages(&job).last().map(String::as_str), Some("held"));
}

#[test]
fn a_deadline_that_nothing_follows_from_keeps_no_other_waiting() {
    let store = Store::with_devices(BATCH + 1);
    let job = store.job(Mode::Push, Terms { max_in_flight: 1000, ..terms(1000) });
    store.sql.execute("UPDATE task SET deadline = 1 WHERE device <> 'd0'", &[]).unwrap();
    let link = store.inform("d0", "1").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.pass(100_001);
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    sweep(&store);
    assert_eq!(sweep(&store).timed_out, 1);
}

#[test]
fn more_jobs_than_a_sweep_looks_at_take_turns() {
    let store = Store::with_devices(1);
    store.pass(700_000);
    let quiet: Vec<String> = (0..120)
        .map(|_| {
            store.pass(1);
            store.job(Mode::Push, terms(1))
        })
        .collect();
    store.pass(1);
    store.add_device("here");
    store.inform("here", "2");
    store.add_firmware("3");
    let last = store.job_to("3", Mode::Push, terms(1));
    store.sweep();
    store.sweep();
    assert_eq!(store.state(&last, "here"), TaskState::Granted);
    assert_eq!(quiet.iter().filter(|job| store.counters(job).in_flight > 0).count(), 0);
}
