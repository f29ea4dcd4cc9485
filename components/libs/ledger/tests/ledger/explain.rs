//! What an operator is told about a device is what decides: for each barrier once, the explanation and the sweep agree.

use ota_ledger::Sql as _;
use ota_ledger::explain::{Explained, Verdict};
use ota_ledger::job::NewJob;
use ota_ledger::offer::Offers;
use ota_ledger::scope::Scope;
use ota_rollout::window::Window;
use ota_rollout::{Kind, Mode, Retry, Schedule, Stage, TaskState, Terms};

use crate::ledger::store::{START, Store, id, object_of, pk, terms, ver};

fn explained(store: &Store, job: &str, device: &str) -> Explained {
    let explanation = store.act(|ledger| ledger.explain_in(&id(device), job).unwrap().unwrap());
    assert_eq!(explanation.device.id, id(device));
    explanation.jobs.into_iter().find(|explained| explained.job.job == job).unwrap()
}

/// The device waits for `why` and nothing else, the other question has the same answer, and the sweep grants nothing.
fn assert_waits(store: &Store, job: &str, device: &str, why: &[&str]) -> Option<i64> {
    let told = explained(store, job, device);
    assert_eq!((told.verdict, told.why.clone()), (Verdict::Waits, strings(why)));
    let of_all = store.act(|ledger| ledger.explain(&id(device)).unwrap().unwrap()).jobs;
    let same = of_all.iter().find(|explained| explained.job.job == job).unwrap();
    assert_eq!((same.verdict, &same.why, same.until), (told.verdict, &told.why, told.until));
    store.sweep();
    assert!(!store.state(job, device).is_live(), "granted, although {why:?}");
    told.until
}

/// Nothing stands in the way of the device, and the sweep grants it.
fn assert_granted(store: &Store, job: &str, device: &str) {
    let told = explained(store, job, device);
    assert_eq!((told.verdict, told.until), (Verdict::GrantedNow, None), "{:?}", told.why);
    store.sweep();
    assert_eq!(store.state(job, device), TaskState::Granted);
    let told = explained(store, job, device);
    assert_eq!((told.verdict, told.until), (Verdict::AtWork, Some(store.now() + 10_000)));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn set(store: &Store, sql: &str) {
    assert_eq!(store.sql.execute(sql, &[]).unwrap(), 1, "{sql}");
}

#[test]
fn a_job_that_does_not_run_is_named_with_its_state_and_why() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    assert_eq!(assert_waits(&store, &job, "d0", &["the job is paused"]), None);
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert_waits(&store, &job, "d0", &["the job is stopped"]);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_granted(&store, &job, "d0");
}

#[test]
fn a_damaged_firmware_and_the_hold_that_it_led_to_are_both_named() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d1"), "damaged").unwrap());
    let told = explained(&store, &job, "d0");
    assert_eq!(told.verdict, Verdict::Waits);
    assert!(told.why[0].starts_with("the job is held: "), "{:?}", told.why);
    assert_eq!(told.why[1..], ["firmware 2 is quarantined"]);
    assert_eq!(store.sweep().granted, 0);
}

#[test]
fn what_the_device_is_stands_in_its_way() {
    let store = Store::with_devices(4);
    store.add_firmware("3");
    store.add_device("d4");
    store.connect("d4");
    let job = store.job(Mode::Push, terms(10));
    set(&store, "UPDATE device SET generation = 2 WHERE device = 'd0'");
    set(&store, "UPDATE device SET version = '2' WHERE device = 'd1'");
    set(&store, "UPDATE device SET version = '3' WHERE device = 'd2'");
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = true).unwrap());
    let refused = "version 1 is not registered, and the product refuses such devices";
    for (device, why) in [
        ("d0", &["the hardware was replaced since it joined the job", refused][..]),
        ("d1", &["the device runs the target already"]),
        ("d2", &["version 3 is newer than the target, and the job does not downgrade"]),
        ("d3", &[refused]),
        ("d4", &["the device never informed a version"]),
    ] {
        assert_eq!(explained(&store, &job, device).why, strings(why), "{device}");
    }
    assert_eq!(store.sweep().granted, 0);
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = false).unwrap());
    store.connect("d3");
    assert_eq!(store.state(&job, "d3"), TaskState::Granted);
}

#[test]
fn a_device_at_work_for_another_job_waits_behind_it() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    let first = store.job(Mode::Push, terms(10));
    store.pass(1);
    let second = store.job_to("3", Mode::Push, terms(10));
    assert_waits_for(&store, &second, &format!("job {first} goes first"));
    assert_granted(&store, &first, "d0");
    assert_waits(&store, &second, "d0", &[&format!("the device is at work for job {first}")]);
}

fn assert_waits_for(store: &Store, job: &str, why: &str) {
    let told = explained(store, job, "d0");
    assert_eq!((told.verdict, told.why), (Verdict::Waits, strings(&[why])));
}

#[test]
fn a_verification_job_goes_before_an_older_upgrade() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    let upgrade = store.job(Mode::Push, terms(10));
    store.pass(1);
    let verify = store.create(NewJob { kind: Kind::Verify, ..store.new_job("3") });
    assert_waits_for(&store, &upgrade, &format!("job {verify} goes first"));
    assert_granted(&store, &verify, "d0");
}

#[test]
fn a_device_rests_before_its_next_try_until_a_moment_that_is_told() {
    let store = Store::with_devices(1);
    let retry = Retry { attempts: 2, reasons: ota_rollout::Reasons::ALL, ..Retry::DEFAULT };
    let job = store.job(Mode::Push, Terms { retry, ..terms(10) });
    store.fail("d0");
    let until = store.task(&job, "d0").deadline.unwrap();
    let told = explained(&store, &job, "d0");
    assert_eq!((told.verdict, told.until), (Verdict::Waits, Some(until)));
    assert!(told.why[0].starts_with("the next attempt is due at 2027-01-15T08:0"), "{:?}", told.why);
    assert_eq!(store.sweep().granted, 0);
    store.turn_to(until);
    store.sweep();
    assert_granted_or_at_work(&store, &job);
}

/// The sweep that ends the rest may grant at once.
fn assert_granted_or_at_work(store: &Store, job: &str) {
    store.sweep();
    assert_eq!(store.state(job, "d0"), TaskState::Granted);
    let told = explained(store, job, "d0");
    assert!(told.why[0].ends_with("attempt 2, try 2 of 2"), "{:?}", told.why);
}

#[test]
fn a_closed_window_says_when_it_opens() {
    let store = Store::with_devices(1);
    store.connect("d0");
    // The clock of a new store shows 08:00 in UTC.
    let windows = vec![Window::parse("09:00-10:00").unwrap()];
    let schedule = Schedule::new(0, "UTC", windows).unwrap();
    let job = store.create(NewJob { schedule, ..store.new_job("2") });
    let until = assert_waits(&store, &job, "d0", &["the job opens at 2027-01-15T09:00:00Z"]);
    assert_eq!(until, Some(START + 3_600_000));
    store.turn_to(START + 3_600_000);
    assert_granted(&store, &job, "d0");
}

#[test]
fn a_device_of_a_later_stage_is_told_both_stages() {
    let store = Store::with_devices(2);
    let stages = vec![Stage { share: 1000, soak: 0, pass: 1000 }];
    let canary = vec![id("d0").device];
    let job = store.create(NewJob { stages, canary, ..store.new_job("2") });
    assert_waits(&store, &job, "d1", &["the device is in stage 1, stage 0 is open"]);
    store.succeed("d0");
    store.sweep();
    store.sweep();
    assert_eq!(store.state(&job, "d1"), TaskState::Granted);
}

#[test]
fn a_device_out_of_reach_is_told_when_it_was_heard_and_how_long_that_counts() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.pass(600_000);
    let why =
        "the device is not connected, and was last heard at 2027-01-15T08:00:00Z, which counts for 600 s";
    assert_waits(&store, &job, "d0", &[why]);
    assert!(store.inform("d0", "1").is_some(), "a device that is heard is reachable");
}

#[test]
fn a_device_that_lapsed_has_to_be_heard_again() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    assert_granted(&store, &job, "d0");
    store.pass(10_001);
    store.sweep();
    let why =
        "the device has to be heard again: it showed no sign of its last command, or could not be granted";
    assert_waits(&store, &job, "d0", &[why]);
    assert!(store.inform("d0", "1").is_some());
}

#[test]
fn what_the_job_has_left_is_told_in_numbers() {
    for (terms, why) in [
        (terms(1), "the loss budget has no slot: 1 exposed of 1"),
        (Terms { max_in_flight: 1, ..terms(10) }, "1 devices are at work, at most 1 may be"),
        (
            Terms { per_minute: 1, ..terms(10) },
            "the pace of the job lets the next be granted at 2027-01-15T08:00:59Z",
        ),
    ] {
        let store = Store::with_devices(2);
        let job = store.job(Mode::Push, terms);
        store.inform("d0", "1");
        let until = assert_waits(&store, &job, "d1", &[why]);
        assert_eq!(until, (terms.per_minute > 0).then_some(START + 59_000));
        store.succeed("d0");
        if terms.per_minute > 0 {
            store.turn_to(START + 59_000);
        }
        assert_granted(&store, &job, "d1");
    }
}

#[test]
fn a_task_with_its_verdict_tells_how_it_ended_and_what_is_left_of_it() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(10));
    store.succeed("d0");
    store.begin("d1");
    store.act(|ledger| ledger.progress(&crate::ledger::store::heard("d1"), -4, Some("no space")).unwrap());
    store.act(|ledger| ledger.cancel_task(&job, &id("d2").device).unwrap());
    for (device, why) in [
        ("d0", &["it informed version 2 at 2027-01-15T08:00:00Z"][..]),
        (
            "d1",
            &[
                "it failed at 2027-01-15T08:00:00Z: burning_failed",
                "the device said \"no space\"",
                "it counts against the loss budget until it informs version 2",
            ],
        ),
        ("d2", &["it was canceled at 2027-01-15T08:00:00Z"]),
    ] {
        let told = explained(&store, &job, device);
        assert_eq!((told.verdict, told.next, told.until), (Verdict::Ended, None, None));
        assert_eq!(told.why, strings(why), "{device}");
    }
}

#[test]
fn a_device_at_work_tells_what_it_did_and_that_it_may_not_begin_in_a_job_that_stopped() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.inform("d0", "1");
    let told = explained(&store, &job, "d0");
    assert_eq!(
        told.why,
        [
            "granted at 2027-01-15T08:00:00Z, attempt 1, try 1 of 1",
            "it has shown no sign yet",
            "it has until 2027-01-15T08:00:10Z"
        ]
    );
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    let told = explained(&store, &job, "d0");
    assert_eq!(told.why.last().unwrap(), "the job is stopped: it may not begin");
    assert_eq!(told.next, Some(ver("2")));
}

#[test]
fn of_a_request_job_it_is_told_what_the_device_is_offered_when_it_asks() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Request, terms(10));
    let offered = || match store.act(|ledger| ledger.offers(&id("d0")).unwrap()) {
        Offers::List(offers) => offers.len(),
        Offers::Unknown => panic!("it is registered"),
    };
    store.pass(10_000_000);
    let told = explained(&store, &job, "d0");
    let why = ["the device is offered it when it asks"];
    assert_eq!((told.verdict, told.why), (Verdict::GrantedNow, strings(&why)), "asking is reaching");
    assert_eq!(offered(), 1);
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    assert_eq!(explained(&store, &job, "d0").verdict, Verdict::Waits);
    assert_eq!(offered(), 0);
}

#[test]
fn a_hop_on_the_way_is_what_the_device_would_be_told_of() {
    let store = Store::with_devices(1);
    let duties = ota_ledger::record::Duties { must_pass: true, ..Default::default() };
    store.add_firmware_with("3", duties);
    store.add_firmware("4");
    let job = store.job_to("4", Mode::Push, terms(10));
    assert_eq!(explained(&store, &job, "d0").next, Some(ver("3")));
    assert_granted(&store, &job, "d0");
    assert_eq!(store.inform("d0", "1").unwrap().firmware.version, ver("3"));
}

#[test]
fn a_device_that_is_in_no_job_is_told_the_part_of_each_scope_that_keeps_it_out() {
    let store = Store::with_devices(3);
    store.inform("d1", "1.5");
    store.act(|ledger| ledger.set_tags(&id("d1"), &strings(&["blue", "lab"])).unwrap());
    let (devices, from) = (vec![id("d1").device, id("d2").device], vec![ver("1.5"), ver("1.6")]);
    let tags = strings(&["blue", "lab"]);
    let scope = |scope: Scope| store.create(NewJob { scope, ..store.new_job("2") });
    let none = Scope::default();
    let cases = [
        (scope(Scope { devices, ..none.clone() }), "it is not among the 2 devices that the job names"),
        (scope(Scope { from, ..none.clone() }), "it runs version 1, the job takes 1.5, 1.6"),
        (scope(Scope { tags, ..none.clone() }), "it lacks the tag blue, the job asks for 2"),
        (scope(Scope { exclude: vec![id("d0").device], ..none }), "the job excludes it"),
    ];
    let of_all = store.act(|ledger| ledger.explain(&id("d0")).unwrap().unwrap()).jobs;
    assert_eq!(of_all.len(), cases.len());
    for (job, why) in cases {
        let told = explained(&store, &job, "d0");
        assert_eq!((told.verdict, told.why, told.next), (Verdict::NotInJob, strings(&[why]), None));
        let same = of_all.iter().find(|explained| explained.job.job == job).unwrap();
        assert_eq!((same.verdict, &same.why[..]), (Verdict::NotInJob, &strings(&[why])[..]));
    }
}

#[test]
fn a_device_that_came_too_late_for_a_snapshot_is_told_so_and_joins_an_incremental_job() {
    let store = Store::with_devices(1);
    let snapshot = store.job(Mode::Push, terms(10));
    let incremental = store.create(NewJob { is_incremental: true, ..store.new_job("2") });
    store.pass(60_000);
    store.add_device("d1");
    let late =
        "it was registered at 2027-01-15T08:01:00Z, the job took in its devices at 2027-01-15T08:00:00Z";
    assert_eq!(explained(&store, &snapshot, "d1").why, strings(&[late]));
    assert_eq!(explained(&store, &incremental, "d1").why, strings(&["it joins when it informs a version"]));
    store.inform("d1", "1");
    assert_eq!(explained(&store, &snapshot, "d1").why, strings(&[late]));
    assert_ne!(explained(&store, &incremental, "d1").verdict, Verdict::NotInJob);
    store.act(|ledger| ledger.stop_job(&snapshot, false).unwrap());
    assert_eq!(explained(&store, &snapshot, "d1").why, strings(&["the job is stopped", late]));
    let open = store.act(|ledger| ledger.explain(&id("d1")).unwrap().unwrap()).jobs;
    assert!(open.iter().all(|explained| explained.job.job != snapshot), "it is not open");
}

#[test]
fn an_incremental_job_says_why_it_does_not_take_a_device_in() {
    let store = Store::with_devices(2);
    store.add_firmware("3");
    let to_2 = store.create(NewJob { is_incremental: true, ..store.new_job("2") });
    let of_d1 = Scope { tags: strings(&["lab"]), ..Scope::default() };
    let lab = store.create(NewJob { is_incremental: true, scope: of_d1, ..store.new_job("2") });
    store.add_device("d2");
    store.inform("d2", "2");
    let target = explained(&store, &to_2, "d2");
    assert_eq!(
        (target.verdict, target.why),
        (Verdict::NotInJob, strings(&["the device runs the target already"]))
    );
    store.add_device("d3");
    store.inform("d3", "3");
    let newer = "version 3 is newer than the target, and the job does not downgrade";
    assert_eq!(explained(&store, &to_2, "d3").why, strings(&[newer]));
    assert_eq!(explained(&store, &lab, "d0").why, strings(&["it lacks the tag lab, the job asks for 1"]));
    let duties = ota_ledger::record::Duties { verify_most: 4, ..Default::default() };
    store.add_firmware_with("4", duties);
    let verify = store.create(NewJob { kind: Kind::Verify, is_incremental: true, ..store.new_job("4") });
    store.add_device("d4");
    store.inform("d4", "1");
    let full = "a verification job takes at most 4 devices, and has them";
    assert_eq!(explained(&store, &verify, "d4").why, strings(&[full]));
}

#[test]
fn what_is_not_there_is_not_explained() {
    let store = Store::with_devices(1);
    assert!(store.act(|ledger| ledger.explain(&id("d9")).unwrap()).is_none());
    assert!(store.act(|ledger| ledger.explain_in(&id("d9"), "j").unwrap()).is_none());
    assert!(store.act(|ledger| ledger.explain_in(&id("d0"), "j").unwrap().unwrap()).jobs.is_empty());
}

#[test]
fn an_explanation_writes_nothing_and_costs_a_few_reads() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let (of_all, _) = store.sql.count(|| store.act(|ledger| ledger.explain(&id("d0")).unwrap()));
    let (of_one, _) = store.sql.count(|| store.act(|ledger| ledger.explain_in(&id("d0"), &job).unwrap()));
    assert_eq!((of_all, of_one), (4, 2));
    let statements = store.sql.statements_of(|| {
        store.act(|ledger| ledger.explain(&id("d0")).unwrap());
    });
    assert!(statements.iter().all(|(sql, _)| sql.starts_with("SELECT")));
}
