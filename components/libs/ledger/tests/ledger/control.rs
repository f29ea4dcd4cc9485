//! What people do to a job and to its tasks, while it runs and long after.

use ota_ledger::control::NotChanged;
use ota_ledger::download::{Access, Begun};
use ota_protocol::link::Link;
use ota_rollout::{JobState, Mode, TaskState};

use crate::ledger::store::{Store, id, object_of, pk, terms, ver};

fn opens(store: &Store, link: &Link) -> &'static str {
    match store.act(|ledger| ledger.access(link).unwrap()) {
        Access::Begun(_) | Access::Returned(_) => "begun",
        Access::MayBegin(_) => "may begin",
        Access::Gone(why) => why,
    }
}

fn begin(store: &Store, link: &Link) -> Begun {
    store.act(|ledger| ledger.begin(link).unwrap())
}

fn cancel(store: &Store, job: &str, device: &str) -> Result<(), String> {
    store.act(|ledger| ledger.cancel_task(job, &id(device).device)).map_err(|why| why.to_string())
}

fn retry(store: &Store, job: &str, device: &str) -> Result<(), String> {
    store.act(|ledger| ledger.retry_task(job, &id(device).device)).map_err(|why| why.to_string())
}

#[test]
fn a_paused_job_grants_nothing_and_lets_nothing_begin_and_what_began_goes_on() {
    let store = Store::with_devices(4);
    let job = store.job(Mode::Push, terms(10));
    let begun = store.begin("d0");
    let granted = store.inform("d1", "1").unwrap().link;
    for _ in 0..2 {
        assert_eq!(store.act(|ledger| ledger.pause_job(&job).unwrap()).state, JobState::Paused);
    }
    assert!(store.inform("d2", "1").is_none());
    assert_eq!(store.sweep().granted, 0);
    assert_eq!(begin(&store, &granted), Begun::Gone("the job does not run"));
    assert_eq!(opens(&store, &begun), "begun");
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(begin(&store, &granted), Begun::Yes);
    assert!(store.inform("d2", "1").is_some());
    let told = store.messages(&job);
    assert_eq!(told, Vec::<String>::new(), "a pause is no alarm");
    store.check(&job);
}

#[test]
fn a_soft_stop_serves_what_began_and_a_hard_one_cuts_it() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    let link = store.begin("d0");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert_eq!(opens(&store, &link), "begun");
    assert!(store.act(|ledger| ledger.stop_job(&job, true).unwrap()).is_hard);
    assert_eq!(opens(&store, &link), "the job was stopped, and what was running with it");
    assert_eq!(begin(&store, &link), Begun::Gone("the job was stopped, and what was running with it"));
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert!(store.record(&job).is_hard, "a soft stop takes no hard one back");
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded, "what a device did is no matter of stops");
    assert_eq!(store.events(&job).iter().filter(|kind| kind.starts_with("stopped")).count(), 2);
    assert_eq!(store.messages(&job), ["stopped", "stopped"]);
    store.check(&job);
}

#[test]
fn a_stopped_job_resumes_and_its_running_downloads_with_it() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    let link = store.begin("d0");
    store.act(|ledger| ledger.stop_job(&job, true).unwrap());
    let resumed = store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!((resumed.state, resumed.is_hard), (JobState::Running, false));
    assert_eq!(opens(&store, &link), "begun");
    assert!(store.inform("d1", "1").is_some());
    store.check(&job);
}

#[test]
fn what_cannot_resume_is_refused() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let refused = |job: &str| store.act(|ledger| ledger.resume_job(job)).unwrap_err().to_string();
    assert_eq!(refused("none"), "there is no job none");
    assert_eq!(store.act(|ledger| ledger.resume_job(&job).unwrap()).state, JobState::Running);
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged").unwrap());
    assert_eq!(refused(&job), "its firmware is quarantined");
    store.inform("d0", "2");
    assert_eq!(refused(&job), "the job is done, only one that is held, paused or stopped resumes");
}

#[test]
fn a_job_that_is_done_is_neither_stopped_nor_paused_nor_amended() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.succeed("d0");
    assert_eq!(store.act(|ledger| ledger.stop_job(&job, true).unwrap()).state, JobState::Done);
    assert_eq!(store.act(|ledger| ledger.pause_job(&job).unwrap()).state, JobState::Done);
    assert!(matches!(
        store.act(|ledger| ledger.amend_job(&job, |_| terms(99))),
        Err(NotChanged::State { state: JobState::Done, .. })
    ));
}

#[test]
fn a_canceled_task_that_began_stays_exposed_and_its_link_dies() {
    let store = Store::with_devices(4);
    let job = store.job(Mode::Push, terms(10));
    let begun = store.begin("d0");
    let granted = store.inform("d1", "1").unwrap().link;
    for device in ["d0", "d1", "d2"] {
        assert_eq!(cancel(&store, &job, device), Ok(()));
        assert_eq!(store.state(&job, device), TaskState::Canceled);
    }
    assert_eq!(store.counters(&job).exposed, 1);
    assert_eq!([&begun, &granted].map(|link| opens(&store, link)), ["the attempt is over"; 2]);
    assert!(store.inform("d2", "1").is_none());
    assert!(cancel(&store, &job, "d0").unwrap_err().contains("is canceled, only one that waits"));
    assert_eq!(cancel(&store, &job, "d9"), Err("device d9 is not in the job".to_owned()));
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded, "late, and counted");
    assert_eq!(store.counters(&job).exposed, 0);
    store.check(&job);
}

#[test]
fn the_last_task_that_is_canceled_ends_the_job() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.succeed("d0");
    cancel(&store, &job, "d1").unwrap();
    assert_eq!(store.standing(&job).0, JobState::Done);
    assert_eq!(store.messages(&job), ["done"]);
}

#[test]
fn a_retried_task_keeps_its_place_in_the_budget_and_gets_another_attempt() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(2));
    let first = store.begin("d0");
    store.report("d0", -4);
    assert_eq!(retry(&store, &job, "d0"), Ok(()));
    let counters = store.counters(&job);
    assert_eq!((counters.exposed, counters.retrying, counters.begun), (1, 1, 1));
    let again = store.inform("d0", "1").unwrap().link;
    assert_eq!(again.attempt, first.attempt + 1);
    assert_eq!(opens(&store, &first), "the attempt is over");
    assert_eq!(begin(&store, &again), Begun::Yes);
    assert_eq!(store.counters(&job).exposed, 1);
    store.inform("d0", "2");
    assert_eq!((store.counters(&job).exposed, store.counters(&job).succeeded), (0, 1));
    store.check(&job);
}

#[test]
fn a_task_of_a_job_that_is_long_done_is_retried_and_the_job_runs_again() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.succeed("d0");
    store.fail("d1");
    assert_eq!(store.standing(&job).0, JobState::Done);
    store.pass(90 * 86_400_000);
    assert!(retry(&store, &job, "d0").unwrap_err().contains("is succeeded, only one that failed"));
    assert_eq!(retry(&store, &job, "d1"), Ok(()));
    assert_eq!(store.standing(&job).0, JobState::Running);
    store.succeed("d1");
    assert_eq!(store.standing(&job).0, JobState::Done);
    assert_eq!(store.messages(&job), ["first_failure", "done", "done"]);
    store.check(&job);
}

#[test]
fn a_retried_task_whose_device_stays_away_ends_all_the_same() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.fail("d0");
    store.pass(10_000_000);
    retry(&store, &job, "d0").unwrap();
    assert_eq!(store.sweep().granted, 0);
    store.pass(100_001);
    assert_eq!(store.sweep().timed_out, 1);
    assert_eq!(store.standing(&job).0, JobState::Done);
    store.check(&job);
}

#[test]
fn a_retry_that_the_budget_leaves_no_room_for_holds_the_job() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(1));
    cancel(&store, &job, "d1").unwrap();
    store.fail("d0");
    assert_eq!(store.standing(&job).0, JobState::Done);
    retry(&store, &job, "d1").unwrap();
    let why = "loss budget spent: 1 exposed of 1".to_owned();
    assert_eq!(store.standing(&job), (JobState::Held, why), "nothing would ever happen again");
}

#[test]
fn a_task_of_a_stopped_job_or_of_replaced_hardware_is_not_retried() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.fail("d0");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert!(retry(&store, &job, "d0").unwrap_err().contains("resume it before retrying"));
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    store.act(|ledger| ledger.replace_device(&id("d0"), "sealed").unwrap());
    assert!(retry(&store, &job, "d0").unwrap_err().contains("hardware was replaced"));
    assert_eq!(store.state(&job, "d0"), TaskState::Failed);
    store.check(&job);
}

#[test]
fn a_job_that_is_done_does_not_run_again_once_its_firmware_is_quarantined() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.fail("d0");
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged").unwrap());
    assert_eq!(retry(&store, &job, "d0"), Err("its firmware is quarantined".to_owned()));
    assert_eq!(store.standing(&job).0, JobState::Done);
}
