//! The gate and the budget: when a job holds itself, and what a resume forgives.

use ota_rollout::{JobState, Mode};

use crate::ledger::store::{Store, terms};

fn held(why: &str) -> (JobState, String) {
    (JobState::Held, why.to_owned())
}

fn running() -> (JobState, String) {
    (JobState::Running, String::new())
}

#[test]
fn a_job_holds_itself_at_the_count_where_the_lower_bound_exceeds_its_rate() {
    let store = Store::with_devices(20);
    let job = store.job(Mode::Push, terms(10));
    for device in ["d0", "d1", "d2", "d3"] {
        store.succeed(device);
    }
    store.fail("d4");
    assert_eq!(store.standing(&job), running(), "one of five");
    store.fail("d5");
    assert_eq!(store.standing(&job), held("gate: 2 of 6 lost, at most 5 % may be"));
    assert!(store.inform("d6", "1").is_none());
    assert_eq!(store.sweep().granted, 0);
    store.check(&job);
}

#[test]
fn four_that_finished_say_nothing_and_five_of_a_hundred_hold_the_job() {
    let store = Store::with_devices(100);
    let job = store.job(Mode::Push, terms(10));
    for device in ["d0", "d1", "d2", "d3"] {
        store.fail(device);
        assert_eq!(store.standing(&job), running());
    }
    store.fail("d4");
    assert_eq!(store.standing(&job), held("gate: 5 of 5 lost, at most 5 % may be"));
    assert_eq!(store.counters(&job).waiting, 95);
    store.check(&job);
}

#[test]
fn devices_at_work_are_not_lost_and_those_that_never_began_are_not_either() {
    let store = Store::with_devices(20);
    let job = store.job(Mode::Push, terms(20));
    for device in ["d0", "d1", "d2", "d3", "d4", "d5"] {
        store.begin(device);
    }
    assert_eq!(store.counters(&job).lost(), 0);
    for device in ["d6", "d7", "d8", "d9", "d10", "d11"] {
        store.inform(device, "1").unwrap();
        store.report(device, -5);
    }
    assert_eq!((store.counters(&job).failed, store.counters(&job).lost()), (6, 0));
    assert_eq!(store.standing(&job), running());
    store.check(&job);
}

#[test]
fn a_resume_forgives_what_was_lost_and_the_gate_judges_what_comes() {
    let store = Store::with_devices(30);
    let job = store.job(Mode::Push, terms(20));
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.fail(device);
    }
    assert_eq!(store.standing(&job).0, JobState::Held);
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    for device in ["d5", "d6", "d7", "d8"] {
        store.fail(device);
        assert_eq!(store.standing(&job), running());
    }
    store.fail("d9");
    assert_eq!(store.standing(&job), held("gate: 5 of 5 lost, at most 5 % may be"));
    assert_eq!(store.messages(&job), ["first_failure", "held", "held"]);
    store.check(&job);
}

#[test]
fn a_loss_that_was_forgiven_and_comes_back_hides_none_that_follows() {
    let store = Store::with_devices(40);
    let job = store.job(Mode::Push, terms(30));
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.fail(device);
    }
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.inform(device, "2");
    }
    assert_eq!(store.record(&job).forgiven.lost, 0);
    for device in ["d5", "d6"] {
        assert_eq!(store.standing(&job), running());
        store.fail(device);
    }
    assert_eq!(store.standing(&job), held("gate: 2 of 7 lost, at most 5 % may be"));
    store.check(&job);
}

#[test]
fn what_comes_back_late_is_not_lost_any_more() {
    let store = Store::with_devices(10);
    let job = store.job(Mode::Push, terms(10));
    for device in ["d0", "d1", "d2", "d3"] {
        store.fail(device);
    }
    store.inform("d0", "2");
    store.inform("d1", "2");
    store.fail("d4");
    store.check(&job);
    assert_eq!(store.standing(&job), held("gate: 3 of 5 lost, at most 5 % may be"));
    store.inform("d2", "2");
    assert_eq!(store.standing(&job).0, JobState::Held, "only a person resumes");
    store.check(&job);
}

#[test]
fn a_job_whose_budget_is_spent_holds_and_resumes_only_with_a_larger_one() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(2));
    store.fail("d0");
    assert_eq!(store.standing(&job), running());
    store.fail("d1");
    assert_eq!(store.standing(&job), held("loss budget spent: 2 exposed of 2"));
    let refused = store.act(|ledger| ledger.resume_job(&job)).unwrap_err();
    assert_eq!(refused.to_string(), "the job would hold again at once: loss budget spent: 2 exposed of 2");
    store.act(|ledger| ledger.amend_job(&job, |_| terms(3)).unwrap());
    assert_eq!(store.standing(&job).0, JobState::Held, "only a person resumes");
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert!(store.inform("d2", "1").is_some());
    assert!(store.inform("d3", "1").is_none());
    store.check(&job);
}

#[test]
fn a_budget_that_is_lowered_below_what_is_exposed_grants_and_begins_nothing_more() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(3));
    store.begin("d0");
    store.begin("d1");
    let granted = store.inform("d2", "1").unwrap().link;
    store.act(|ledger| ledger.amend_job(&job, |_| terms(1)).unwrap());
    assert!(store.inform("d3", "1").is_none());
    assert!(store.sweep().granted == 0);
    let begun = store.act(|ledger| ledger.begin(&granted).unwrap());
    assert_eq!(begun, ota_ledger::download::Begun::Later);
    store.inform("d0", "2");
    store.inform("d1", "2");
    let begun = store.act(|ledger| ledger.begin(&granted).unwrap());
    assert_eq!(begun, ota_ledger::download::Begun::Yes);
    store.inform("d2", "2");
    assert!(store.inform("d3", "1").is_some());
    assert_eq!(store.events(&job).iter().filter(|kind| *kind == "amended").count(), 1);
    store.check(&job);
}

#[test]
fn a_running_job_holds_when_its_budget_is_lowered_and_nobody_is_at_work() {
    let store = Store::with_devices(5);
    let job = store.job(Mode::Push, terms(3));
    store.fail("d0");
    store.fail("d1");
    store.act(|ledger| ledger.amend_job(&job, |_| terms(1)).unwrap());
    assert_eq!(store.standing(&job), held("loss budget spent: 2 exposed of 1"));
}

#[test]
fn the_last_late_success_ends_a_job_that_had_held_itself() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(1));
    store.fail("d0");
    assert_eq!(store.standing(&job).0, JobState::Held);
    store.inform("d1", "2");
    assert_eq!(store.standing(&job), (JobState::Done, String::new()));
    store.inform("d0", "2");
    assert_eq!(store.counters(&job).succeeded, 1);
    assert_eq!(store.messages(&job), ["first_failure", "held", "done"]);
    store.check(&job);
}

#[test]
fn a_pause_forgives_nothing_and_neither_does_a_stop() {
    for stops in [false, true] {
        let store = Store::with_devices(30);
        let job = store.job(Mode::Push, terms(20));
        for device in ["d0", "d1", "d2", "d3"] {
            store.fail(device);
        }
        if stops {
            store.act(|ledger| ledger.stop_job(&job, false).unwrap());
        } else {
            store.act(|ledger| ledger.pause_job(&job).unwrap());
        }
        store.act(|ledger| ledger.resume_job(&job).unwrap());
        assert_eq!((store.standing(&job), store.record(&job).forgiven.lost), (running(), 0));
        store.fail("d4");
        assert_eq!(store.standing(&job), held("gate: 5 of 5 lost, at most 5 % may be"));
        store.check(&job);
    }
}

#[test]
fn a_job_that_lost_too_many_while_it_was_paused_holds_when_it_is_resumed_and_a_second_resume_forgives() {
    let store = Store::with_devices(30);
    let job = store.job(Mode::Push, terms(20));
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.begin(device);
    }
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.report(device, -4);
    }
    assert_eq!(store.standing(&job), (JobState::Paused, String::new()));
    let resumed = store.act(|ledger| ledger.resume_job(&job).unwrap());
    let why = "gate: 5 of 5 lost, at most 5 % may be";
    assert_eq!((resumed.state, resumed.held_because.as_deref()), (JobState::Held, Some(why)));
    assert_eq!(store.messages(&job).last().map(String::as_str), Some("held"));
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!((store.standing(&job), store.record(&job).forgiven.lost), (running(), 5));
    store.check(&job);
}

#[test]
fn a_held_job_that_is_paused_or_stopped_keeps_why_it_was_held_and_its_resume_forgives_and_says_so() {
    let why = "gate: 5 of 5 lost, at most 5 % may be";
    for stops in [false, true] {
        let store = Store::with_devices(30);
        let job = store.job(Mode::Push, terms(20));
        for device in ["d0", "d1", "d2", "d3", "d4"] {
            store.fail(device);
        }
        let kept = if stops {
            store.act(|ledger| ledger.stop_job(&job, false).unwrap())
        } else {
            store.act(|ledger| ledger.pause_job(&job).unwrap())
        };
        assert_eq!(kept.held_because.as_deref(), Some(why));
        store.act(|ledger| ledger.resume_job(&job).unwrap());
        assert_eq!((store.standing(&job), store.record(&job).forgiven.lost), (running(), 5));
        let events = store.act(|ledger| ledger.events(Some(&job), 0, 1000).unwrap());
        let resumed = events.iter().rfind(|event| event.kind == "resumed").unwrap();
        assert_eq!(resumed.detail, Some(format!("forgives what held it: {why}")));
        store.check(&job);
    }
}

#[test]
fn what_a_job_loses_after_its_hold_is_forgiven_by_another_resume_only() {
    for stops in [false, true] {
        let store = Store::with_devices(40);
        let job = store.job(Mode::Push, terms(30));
        let number = |n: usize| format!("d{n}");
        store.succeed("d0");
        (1..15).map(number).for_each(|device| drop(store.begin(&device)));
        (1..5).map(number).for_each(|device| store.report(&device, -4));
        let why = held("gate: 4 of 5 lost, at most 5 % may be");
        assert_eq!(store.standing(&job), why);
        if stops {
            store.act(|ledger| ledger.stop_job(&job, false).unwrap());
        } else {
            store.act(|ledger| ledger.pause_job(&job).unwrap());
        }
        store.pass(100_001);
        assert_eq!(store.sweep().timed_out, 10);
        let resumed = store.act(|ledger| ledger.resume_job(&job).unwrap());
        assert_eq!((resumed.forgiven.lost, resumed.forgiven.succeeded), (4, 1));
        let why = held("gate: 10 of 10 lost, at most 5 % may be");
        assert_eq!(store.standing(&job), why);
        let resumed = store.act(|ledger| ledger.resume_job(&job).unwrap());
        assert_eq!((store.standing(&job), resumed.forgiven.lost), (running(), 14));
        store.check(&job);
    }
}

#[test]
fn what_came_back_after_the_hold_hides_none_that_was_lost_after_it() {
    let store = Store::with_devices(40);
    let job = store.job(Mode::Push, terms(30));
    for device in ["d5", "d6", "d7"] {
        store.begin(device);
    }
    for device in ["d0", "d1", "d2", "d3", "d4"] {
        store.fail(device);
    }
    assert_eq!(store.standing(&job).0, JobState::Held);
    for device in ["d0", "d1", "d2"] {
        store.inform(device, "2");
    }
    for device in ["d5", "d6", "d7"] {
        store.report(device, -4);
    }
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.record(&job).forgiven.lost, 2);
    assert_eq!(store.standing(&job), held("gate: 3 of 6 lost, at most 5 % may be"));
    store.check(&job);
}

#[test]
fn what_was_held_for_another_reason_than_its_losses_is_forgiven_none() {
    let store = Store::with_devices(30);
    let job = store.job(Mode::Push, terms(20));
    for device in ["d0", "d1", "d2", "d3"] {
        store.fail(device);
    }
    let hold = "UPDATE job SET state = 'held', held_because = 'counters: begun is 2, counted 1'";
    ota_ledger::Sql::execute(&store.sql, hold, &[]).unwrap();
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!((store.standing(&job), store.record(&job).forgiven.lost), (running(), 0));
    store.fail("d4");
    assert_eq!(store.standing(&job), held("gate: 5 of 5 lost, at most 5 % may be"));
}
