//! Canaries and stages: who goes when, and what opens the next.

use ota_ledger::Sql;
use ota_ledger::job::NewJob;
use ota_ledger::offer::Offers;
use ota_rollout::{JobState, Mode, Stage, TaskState};

use crate::ledger::store::{Store, id, terms};

const SOAK: i64 = 60_000;

fn with_canary(store: &Store, canary: &[&str]) -> String {
    let canary = canary.iter().map(|device| id(device).device).collect();
    store.create(NewJob { canary, canary_soak: SOAK, ..store.new_job("2") })
}

/// A job whose first stage has `share` per mille, of which `pass` per mille must succeed.
fn staged(store: &Store, share: i64, pass: i64) -> String {
    let stages = vec![Stage { share, soak: SOAK, pass }, Stage { share: 1000, soak: 0, pass: 500 }];
    store.create(NewJob { stages, terms: terms(100), ..store.new_job("2") })
}

/// The devices of a stage.
fn members(store: &Store, job: &str, stage: i64) -> Vec<String> {
    let tasks = store.tasks(job);
    tasks.iter().filter(|task| task.stage == stage).map(|task| task.id.device.to_string()).collect()
}

fn kinds(store: &Store, job: &str) -> Vec<String> {
    store.events(job).into_iter().filter(|kind| kind.starts_with("stage")).collect()
}

#[test]
fn canaries_go_first_and_all_of_them_must_succeed() {
    let store = Store::with_devices(8);
    let job = with_canary(&store, &["d3", "d4"]);
    assert_eq!(members(&store, &job, 0), ["d3", "d4"]);
    assert!(store.inform("d0", "1").is_none(), "not its turn");
    assert_eq!(store.sweep().granted, 2);
    store.succeed("d3");
    store.sweep();
    assert_eq!(store.record(&job).stage, 0, "one of two");
    store.succeed("d4");
    store.sweep();
    assert_eq!(kinds(&store, &job), ["stage_passed"]);
    store.pass(SOAK - 1);
    store.sweep();
    assert!(store.inform("d0", "1").is_none(), "it soaks");
    store.pass(1);
    assert_eq!(store.sweep().granted, 6);
    assert_eq!(kinds(&store, &job), ["stage_passed", "stage_opened"]);
    store.check(&job);
}

#[test]
fn a_canary_that_fails_holds_the_job_and_a_resume_goes_on_past_it() {
    let store = Store::with_devices(8);
    let job = with_canary(&store, &["d3", "d4"]);
    store.succeed("d3");
    store.fail("d4");
    let why = "stage 0 cannot pass: 1 of its 2 devices succeeded, 2 must".to_owned();
    assert_eq!(store.standing(&job), (JobState::Held, why));
    store.pass(10 * SOAK);
    assert_eq!(store.sweep().granted, 0);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.standing(&job).0, JobState::Running);
    store.sweep();
    assert!(store.inform("d0", "1").is_none(), "it soaks all the same");
    store.pass(SOAK);
    store.sweep();
    assert!(store.inform("d0", "1").is_some());
    store.check(&job);
}

#[test]
fn a_stage_that_cannot_pass_since_its_job_held_is_passed_by_another_resume_only() {
    let store = Store::with_devices(20);
    let canary: Vec<String> = (0..6).map(|n| format!("d{n}")).collect();
    let canary: Vec<&str> = canary.iter().map(String::as_str).collect();
    let job = with_canary(&store, &canary);
    for device in &canary {
        store.begin(device);
    }
    let held = "UPDATE job SET state = 'held', held_because = 'gate: 5 of 5 lost, at most 5 % may be'";
    store.sql.execute(held, &[]).unwrap();
    store.report("d0", -4);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    let why = "stage 0 cannot pass: 0 of its 6 devices succeeded, 6 must".to_owned();
    assert_eq!((store.standing(&job), store.record(&job).passed_at), ((JobState::Held, why), None));
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.standing(&job).0, JobState::Running);
    assert!(store.record(&job).passed_at.is_some());
    store.check(&job);
}

#[test]
fn a_large_stage_passes_at_its_share_and_no_earlier() {
    let store = Store::with_devices(60);
    let job = staged(&store, 300, 500);
    let first = members(&store, &job, 0);
    assert!(first.len() >= 10, "{first:?}");
    let needed = first.len().div_ceil(2);
    for device in &first[..needed - 1] {
        store.succeed(device);
    }
    store.sweep();
    assert_eq!(store.record(&job).passed_at, None);
    store.succeed(&first[needed - 1]);
    store.sweep();
    assert!(store.record(&job).passed_at.is_some());
    store.check(&job);
    let later = members(&store, &job, 1);
    assert!(store.inform(&later[0], "1").is_none());
    store.pass(SOAK);
    store.sweep();
    assert!(store.devices_in(&job, TaskState::Granted).contains(&later[0]));
    store.check(&job);
}

#[test]
fn a_stage_smaller_than_the_sample_needs_all_whatever_its_share() {
    let store = Store::with_devices(8);
    let job = with_canary(&store, &["d0", "d1", "d2", "d3"]);
    for device in ["d0", "d1", "d2"] {
        store.succeed(device);
        store.sweep();
        assert_eq!(store.record(&job).passed_at, None);
    }
    store.succeed("d3");
    store.sweep();
    assert!(store.record(&job).passed_at.is_some());
}

#[test]
fn a_stage_that_nobody_is_in_is_skipped() {
    let store = Store::with_devices(4);
    let job = staged(&store, 1, 500);
    assert!(members(&store, &job, 0).is_empty());
    store.sweep();
    assert_eq!(store.record(&job).stage, 1);
    assert_eq!(store.sweep().granted + u64::try_from(store.counters(&job).in_flight).unwrap(), 4);
    store.check(&job);
}

#[test]
fn who_is_on_the_target_already_has_succeeded_for_its_stage() {
    let store = Store::with_devices(6);
    store.inform("d0", "2");
    let job = with_canary(&store, &["d0", "d1", "d2"]);
    store.inform("d1", "2");
    store.succeed("d2");
    store.check(&job);
    store.sweep();
    assert!(store.record(&job).passed_at.is_some());
    assert_eq!(store.counters(&job).skipped, 2);
}

#[test]
fn a_canceled_canary_keeps_the_stage_from_passing() {
    let store = Store::with_devices(6);
    let job = with_canary(&store, &["d0", "d1"]);
    store.succeed("d0");
    store.act(|ledger| ledger.cancel_task(&job, &id("d1").device).unwrap());
    assert_eq!(store.standing(&job).0, JobState::Held);
    store.act(|ledger| ledger.retry_task(&job, &id("d1").device).unwrap());
    store.check(&job);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    store.sweep();
    assert_eq!(store.record(&job).passed_at, None, "it can pass again, and must");
    store.succeed("d1");
    store.sweep();
    assert!(store.record(&job).passed_at.is_some());
    store.check(&job);
}

#[test]
fn devices_that_join_count_for_the_stage_that_is_open() {
    let store = Store::with_devices(0);
    let stages = vec![Stage { share: 500, soak: 0, pass: 500 }, Stage { share: 1000, soak: 0, pass: 500 }];
    let job = store.create(NewJob { stages, is_incremental: true, ..store.new_job("2") });
    for n in 0..12 {
        store.add_device(&format!("d{n}"));
        store.inform(&format!("d{n}"), "1");
        store.check(&job);
    }
    let first = members(&store, &job, 0);
    assert!(!first.is_empty() && first.len() < 12);
    store.sweep();
    assert_eq!(store.devices_in(&job, TaskState::Granted), first);
}

#[test]
fn a_request_job_offers_a_stage_what_its_turn_allows() {
    let store = Store::with_devices(6);
    let canary = vec![id("d0").device];
    let job = store.create(NewJob { canary, mode: Mode::Request, ..store.new_job("2") });
    let offers = |device: &str| match store.act(|ledger| ledger.offers(&id(device)).unwrap()) {
        Offers::List(list) => list.len(),
        Offers::Unknown => panic!("{device} is not registered"),
    };
    assert_eq!((offers("d0"), offers("d1")), (1, 0));
    store.report("d0", 10);
    store.inform("d0", "2");
    store.sweep();
    store.sweep();
    assert_eq!(offers("d1"), 1);
    store.check(&job);
}

#[test]
fn a_retry_in_a_stage_that_has_passed_goes_on_beside_the_next() {
    let store = Store::with_devices(60);
    let job = staged(&store, 300, 500);
    let first = members(&store, &job, 0);
    let (lost, rest) = first.split_first().unwrap();
    store.fail(lost);
    for device in rest {
        store.succeed(device);
    }
    store.sweep();
    store.pass(SOAK);
    store.sweep();
    assert_eq!(store.record(&job).stage, 1);
    store.act(|ledger| ledger.retry_task(&job, &id(lost).device).unwrap());
    store.check(&job);
    store.succeed(lost);
    assert_eq!(store.state(&job, lost), TaskState::Succeeded);
    store.check(&job);
}

#[test]
fn a_job_done_in_its_first_stage_needs_no_other() {
    let store = Store::with_devices(2);
    let job = with_canary(&store, &["d0", "d1"]);
    store.succeed("d0");
    store.succeed("d1");
    assert_eq!(store.standing(&job).0, JobState::Done);
    assert!(kinds(&store, &job).is_empty());
}

#[test]
fn a_paused_job_opens_no_stage() {
    let store = Store::with_devices(4);
    let job = with_canary(&store, &["d0"]);
    store.succeed("d0");
    store.sweep();
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    store.pass(5 * SOAK);
    store.sweep();
    assert_eq!(store.record(&job).stage, 0);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.sweep().granted, 3);
    store.check(&job);
}

#[test]
fn a_stage_opens_with_what_became_of_its_members_before_and_counts_none_of_them() {
    let store = Store::with_devices(40);
    store.inform("d7", "2");
    let part = |share| Stage { share, soak: 0, pass: 100 };
    let stages = vec![part(200), part(600), part(1000)];
    let job = store.create(NewJob { stages, is_incremental: true, terms: terms(100), ..store.new_job("2") });
    for (stage, what) in [(1, "its second"), (2, "its third")] {
        let members = members(&store, &job, stage);
        let waiting: Vec<&String> =
            members.iter().filter(|device| store.state(&job, device) == TaskState::Waiting).collect();
        let [there, out, again, ..] = waiting[..] else { panic!("{what} stage has {members:?}") };
        store.inform(there, "2");
        for device in [out, again] {
            store.act(|ledger| ledger.cancel_task(&job, &id(device).device).unwrap());
        }
        store.act(|ledger| ledger.retry_task(&job, &id(again).device).unwrap());
    }
    for n in 40..60 {
        store.add_device(&format!("d{n}"));
        store.inform(&format!("d{n}"), "1");
    }
    for stage in 1..3 {
        let open = members(&store, &job, stage - 1);
        for device in open.iter().filter(|device| !store.state(&job, device).is_ended()) {
            store.succeed(device);
        }
        let statements = store.sql.statements_of(|| {
            while store.record(&job).stage < stage {
                store.sweep();
            }
        });
        let opening: Vec<_> =
            statements.iter().filter(|(sql, _)| sql.starts_with("UPDATE job SET stage = ")).collect();
        assert_eq!(opening.len(), 1);
        assert!(!opening[0].0.contains("FROM task"), "a lock of the job for as long as its tasks are read");
        store.check(&job);
    }
    assert!(store.record(&job).stand.ended >= 2);
}

#[test]
fn stages_that_have_not_passed_keep_none_waiting_that_has() {
    let store = Store::with_devices(2);
    let jobs: Vec<String> = (0..101).map(|_| with_canary(&store, &["d0"])).collect();
    let (last, others) = jobs.split_last().unwrap();
    // members, share that must succeed (per mille), succeeded: the share would do, the sample does not.
    let short = [(4, 1, 3), (100, 10, 4)];
    let stands = short.into_iter().cycle().take(100).chain([(100, 60, 6)]);
    for (job, (members, pass, succeeded)) in jobs.iter().zip(stands) {
        let stand = "UPDATE job SET stage_members = $2, stage_pass = $3, stage_succeeded = $4 WHERE job = $1";
        let values = [job.as_str().into(), members.into(), pass.into(), succeeded.into()];
        store.sql.execute(stand, &values).unwrap();
    }
    store.sweep();
    let has_passed = |job: &String| store.record(job).passed_at.is_some();
    assert!(has_passed(last));
    assert!(!others.iter().any(has_passed));
}
