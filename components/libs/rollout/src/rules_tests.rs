//! The table state × happening, and the properties that every sequence of happenings keeps.

use proptest::prelude::*;

use super::*;
use crate::{Counters, Reasons};

const HAPPENINGS: [Happening; 19] = [
    Happening::Grant,
    Happening::Offer,
    Happening::Acknowledge,
    Happening::Begin,
    Happening::Refuse,
    Happening::Complete,
    Happening::Step(0),
    Happening::Step(79),
    Happening::Step(80),
    Happening::Step(-3),
    Happening::Inform(Informed::Target),
    Happening::Inform(Informed::Source),
    Happening::Inform(Informed::Other),
    Happening::Due,
    Happening::Cancel,
    Happening::Inform(Informed::Hop),
    Happening::Inform(Informed::Newer),
    Happening::Retry,
    Happening::Resume,
];

/// No retries, as a job that says nothing has it.
const ONCE: Retry = Retry::DEFAULT;

fn apply(task: &Task, happening: Happening) -> Result<Change, Refused> {
    super::apply(task, happening, &ONCE)
}

/// A typical task in each state.
fn typical(state: TaskState) -> Task {
    let begun = !matches!(state, Waiting | Granted | Canceled | Skipped);
    Task {
        state,
        exposed: state.is_live() || matches!(state, Failed | TimedOut),
        begun,
        admitted: begun,
        signed: begun,
        downloaded: state == Upgrading,
        attempt: i64::from(!matches!(state, Waiting | Skipped)),
        tries: i64::from(!matches!(state, Waiting | Skipped)),
        ..Task::NEW
    }
}

/// `.` nothing changes, `-` not started, `x` over, otherwise the first letters of the new state.
fn outcome(task: &Task, happening: Happening) -> &'static str {
    match apply(task, happening) {
        Err(Refused::Nothing) => ".",
        Err(Refused::NotStarted) => "-",
        Err(Refused::Over) => "x",
        Ok(change) => match change.task.state {
            Waiting => "wait",
            Granted => "gran",
            Downloading => "down",
            Upgrading => "upgr",
            Succeeded => "succ",
            Failed => "fail",
            TimedOut => "time",
            Canceled => "canc",
            Skipped => "skip",
        },
    }
}

#[test]
fn every_state_and_every_happening_has_its_outcome() {
    // Columns as in HAPPENINGS: grant offer ack begin refuse complete 0 79 80 -3 target source other due cancel
    // hop newer retry resume
    let table: [(TaskState, [&str; 19]); 9] = [
        (
            Waiting,
            [
                "gran", "wait", ".", "-", ".", "-", "-", "-", "-", "-", "skip", ".", ".", "x", "canc", ".",
                "skip", ".", ".",
            ],
        ),
        (
            Granted,
            [
                ".", ".", "gran", "down", "gran", "-", "down", "down", "upgr", "fail", "skip", ".", "fail",
                "wait", "canc", "wait", "fail", ".", ".",
            ],
        ),
        (
            Downloading,
            [
                ".", ".", ".", ".", ".", "upgr", ".", ".", "upgr", "fail", "succ", ".", "fail", "time",
                "canc", "wait", "fail", ".", ".",
            ],
        ),
        (
            Upgrading,
            [
                ".", ".", ".", ".", ".", ".", ".", ".", ".", "fail", "succ", "upgr", "fail", "time", "canc",
                "wait", "fail", ".", ".",
            ],
        ),
        (
            Succeeded,
            [
                ".", ".", ".", "x", ".", "x", "x", "x", "x", "x", ".", "fail", "fail", "x", "x", "fail",
                "fail", ".", ".",
            ],
        ),
        (
            Failed,
            [
                ".", ".", ".", "x", ".", "x", "x", "x", "x", "x", "succ", ".", ".", "x", "x", "fail", ".",
                "wait", ".",
            ],
        ),
        (
            TimedOut,
            [
                ".", ".", ".", "x", ".", "x", "x", "x", "x", "x", "succ", ".", ".", "x", "x", "time", ".",
                "wait", ".",
            ],
        ),
        (
            Canceled,
            [
                ".", ".", ".", "x", ".", "x", "x", "x", "x", "x", ".", ".", ".", "x", "x", ".", ".", "wait",
                ".",
            ],
        ),
        (
            Skipped,
            [".", ".", ".", "x", ".", "x", "x", "x", "x", "x", ".", ".", ".", "x", "x", ".", ".", ".", "."],
        ),
    ];
    for (state, row) in table {
        let task = typical(state);
        for (happening, expected) in HAPPENINGS.into_iter().zip(row) {
            assert_eq!(outcome(&task, happening), expected, "{state:?} × {happening:?}");
        }
    }
}

fn after(task: Task, happenings: &[Happening]) -> Task {
    happenings
        .iter()
        .fold(task, |task, happening| apply(&task, *happening).map_or(task, |change| change.task))
}

#[test]
fn an_offered_task_begins_by_a_download_or_by_progress() {
    let offered = after(Task::NEW, &[Happening::Offer]);
    for happening in [Happening::Begin, Happening::Step(20)] {
        let begun = after(offered, &[happening]);
        assert!(begun.state == Downloading && begun.exposed && begun.begun && begun.attempt == 1);
    }
}

#[test]
fn progress_of_a_granted_task_lets_no_byte_leave_until_its_job_does() {
    let working = after(Task::NEW, &[Happening::Grant, Happening::Step(20)]);
    assert!(working.begun && !working.admitted);
    assert_eq!(apply(&working, Happening::Complete), Err(Refused::Nothing));
    let let_in = after(working, &[Happening::Begin]);
    assert!(let_in.admitted && let_in.state == Downloading);
    assert_eq!(apply(&let_in, Happening::Begin), Err(Refused::Nothing));
}

#[test]
fn a_lapse_takes_the_exposure_back_only_when_no_attempt_ever_began() {
    let lapsed = after(Task::NEW, &[Happening::Grant, Happening::Due]);
    assert_eq!((lapsed.state, lapsed.exposed, lapsed.attempt), (Waiting, false, 1));

    let begun_before = Task { begun: true, exposed: true, ..Task::NEW };
    let lapsed = after(begun_before, &[Happening::Grant, Happening::Due]);
    assert_eq!((lapsed.state, lapsed.exposed), (Waiting, true));
}

#[test]
fn an_acknowledged_grant_that_never_begins_times_out_without_exposure() {
    let silent = after(Task::NEW, &[Happening::Grant, Happening::Acknowledge, Happening::Due]);
    assert_eq!((silent.state, silent.exposed), (TimedOut, false));
}

#[test]
fn the_time_out_runs_from_the_first_sign_and_is_not_moved_by_later_ones() {
    let granted = after(Task::NEW, &[Happening::Grant]);
    assert_eq!(apply(&granted, Happening::Begin).unwrap().deadline, Deadline::Upgrade);
    let acknowledged = after(granted, &[Happening::Acknowledge]);
    assert_eq!(apply(&acknowledged, Happening::Begin).unwrap().deadline, Deadline::Keep);
}

#[test]
fn the_old_version_after_a_complete_download_is_a_rollback_unless_the_target_follows() {
    let complete = after(Task::NEW, &[Happening::Grant, Happening::Begin, Happening::Complete]);
    let returned = apply(&complete, Happening::Inform(Informed::Source)).unwrap();
    assert_eq!((returned.deadline, returned.task.state), (Deadline::Confirm, Upgrading));
    let verdict = apply(&returned.task, Happening::Due).unwrap();
    assert_eq!((verdict.task.state, verdict.reason), (Failed, Some(Reason::Rollback)));
    assert!(verdict.task.exposed);
    let target = after(returned.task, &[Happening::Inform(Informed::Target)]);
    assert_eq!((target.state, target.exposed), (Succeeded, false));
}

#[test]
fn the_old_version_before_the_download_is_complete_says_nothing() {
    let downloading = after(Task::NEW, &[Happening::Grant, Happening::Begin]);
    assert_eq!(apply(&downloading, Happening::Inform(Informed::Source)), Err(Refused::Nothing));
}

#[test]
fn a_late_success_gives_the_exposure_back_and_a_revert_takes_it_again() {
    let lost = after(Task::NEW, &[Happening::Grant, Happening::Begin, Happening::Due]);
    assert_eq!((lost.state, lost.exposed), (TimedOut, true));
    let late = apply(&lost, Happening::Inform(Informed::Target)).unwrap();
    assert_eq!((late.event, late.task.exposed), ("succeeded_late", false));
    let reverted = apply(&late.task, Happening::Inform(Informed::Source)).unwrap();
    assert_eq!((reverted.task.state, reverted.reason), (Failed, Some(Reason::Reverted)));
    assert!(reverted.task.exposed);
}

#[test]
fn a_negative_step_after_a_refusal_for_want_of_budget_is_no_verdict() {
    let refused = after(Task::NEW, &[Happening::Grant, Happening::Refuse]);
    let turned_away = apply(&refused, Happening::Step(-2)).unwrap();
    assert_eq!((turned_away.task.state, turned_away.task.exposed), (Waiting, false));
    let offered = after(Task::NEW, &[Happening::Offer, Happening::Refuse]);
    assert_eq!(apply(&offered, Happening::Step(-2)), Err(Refused::Over));
}

#[test]
fn a_device_that_was_turned_away_and_falls_silent_gets_its_turn_again() {
    let refused = after(Task::NEW, &[Happening::Grant, Happening::Acknowledge, Happening::Refuse]);
    let lapsed = apply(&refused, Happening::Due).unwrap();
    assert_eq!((lapsed.task.state, lapsed.task.exposed, lapsed.task.tries), (Waiting, false, 0));
}

#[test]
fn a_negative_step_may_be_the_very_first_report() {
    for first in [Happening::Grant, Happening::Offer] {
        let failed = after(Task::NEW, &[first, Happening::Step(-5)]);
        assert_eq!((failed.state, failed.exposed), (Failed, false));
    }
}

#[test]
fn a_report_after_a_lapse_is_over_and_starts_nothing() {
    let lapsed = after(Task::NEW, &[Happening::Grant, Happening::Due]);
    assert_eq!(apply(&lapsed, Happening::Step(40)), Err(Refused::Over));
    assert_eq!(apply(&lapsed, Happening::Step(-2)), Err(Refused::Over));
}

fn twice() -> Retry {
    Retry { attempts: 2, reasons: Reasons::DEFAULT, ..ONCE }
}

#[test]
fn a_failure_that_the_policy_forgives_waits_for_its_next_attempt_and_stays_exposed() {
    let begun = after(Task::NEW, &[Happening::Grant, Happening::Begin]);
    let waiting = super::apply(&begun, Happening::Step(-3), &twice()).unwrap();
    assert_eq!((waiting.task.state, waiting.deadline), (Waiting, Deadline::Backoff));
    assert!(waiting.task.exposed && waiting.task.backing_off);
    assert_eq!(apply(&waiting.task, Happening::Grant), Err(Refused::Nothing));
    let again = after(waiting.task, &[Happening::Due, Happening::Grant, Happening::Begin]);
    assert_eq!((again.attempt, again.tries), (2, 2));
    let failed = super::apply(&again, Happening::Step(-3), &twice()).unwrap();
    assert_eq!((failed.task.state, failed.task.exposed), (Failed, true));
}

#[test]
fn a_failure_before_any_begin_gives_its_place_back_while_it_backs_off() {
    let granted = after(Task::NEW, &[Happening::Grant]);
    let waiting = super::apply(&granted, Happening::Step(-2), &twice()).unwrap().task;
    assert_eq!((waiting.state, waiting.exposed, waiting.backing_off), (Waiting, false, true));
}

#[test]
fn a_device_at_risk_that_nobody_reaches_for_its_next_attempt_times_out() {
    let begun = after(Task::NEW, &[Happening::Grant, Happening::Begin]);
    let waiting = super::apply(&begun, Happening::Step(-3), &twice()).unwrap().task;
    let due = apply(&waiting, Happening::Due).unwrap();
    assert_eq!((due.task.state, due.deadline), (Waiting, Deadline::Upgrade));
    let silent = apply(&due.task, Happening::Due).unwrap();
    assert_eq!((silent.task.state, silent.task.exposed), (TimedOut, true));
}

#[test]
fn a_reason_that_the_policy_does_not_name_is_final() {
    let complete = after(Task::NEW, &[Happening::Grant, Happening::Begin, Happening::Complete]);
    let returned = after(complete, &[Happening::Inform(Informed::Source)]);
    let verdict = super::apply(&returned, Happening::Due, &twice()).unwrap();
    assert_eq!((verdict.task.state, verdict.reason), (Failed, Some(Reason::Rollback)));
}

#[test]
fn a_lapse_uses_up_no_try() {
    let lapsed = after(Task::NEW, &[Happening::Grant, Happening::Due]);
    assert_eq!((lapsed.attempt, lapsed.tries), (1, 0));
}

#[test]
fn a_persons_retry_keeps_what_is_lost_and_starts_the_tries_anew() {
    let lost = after(Task::NEW, &[Happening::Grant, Happening::Begin, Happening::Due]);
    let again = after(lost, &[Happening::Retry]);
    assert_eq!((again.state, again.exposed, again.attempt, again.tries), (Waiting, true, 1, 0));
}

#[test]
fn a_device_that_passed_a_hop_is_no_longer_exposed_and_did_not_succeed() {
    let begun = after(Task::NEW, &[Happening::Grant, Happening::Begin]);
    let passed = after(begun, &[Happening::Inform(Informed::Hop)]);
    assert_eq!((passed.state, passed.exposed, passed.begun), (Waiting, false, false));
    assert_eq!(passed.attempt, 1);
    let late = after(begun, &[Happening::Due, Happening::Inform(Informed::Hop)]);
    assert_eq!((late.state, late.exposed, late.begun), (TimedOut, false, false));
}

#[test]
fn a_device_that_only_lost_its_connection_takes_its_return_back_but_not_its_time_out() {
    let complete = after(Task::NEW, &[Happening::Grant, Happening::Begin, Happening::Complete]);
    let returned = after(complete, &[Happening::Inform(Informed::Source)]);
    let resumed = apply(&returned, Happening::Resume).unwrap();
    assert_eq!((resumed.task.returned, resumed.deadline), (false, Deadline::Restore));
    assert_eq!(apply(&resumed.task, Happening::Resume), Err(Refused::Nothing));
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop::sample::select(HAPPENINGS.to_vec())
}

#[test]
fn a_device_that_fails_one_offer_after_the_other_has_as_many_tries_as_any() {
    let retry = Retry { attempts: 2, ..ONCE };
    let mut task = Task::NEW;
    for (event, state) in [("retrying", Waiting), ("failed", Failed)] {
        task = super::apply(&task, Happening::Offer, &retry).unwrap().task;
        let change = super::apply(&task, Happening::Step(-3), &retry).unwrap();
        assert_eq!((change.event, change.task.state), (event, state));
        task = change.task;
        task = super::apply(&task, Happening::Due, &retry).map_or(task, |change| change.task);
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_task_stays_legal(
        happenings in prop::collection::vec(any_happening(), 0..40),
        attempts in 1..4_i64,
    ) {
        let retry = Retry { attempts, ..ONCE };
        let mut task = Task::NEW;
        let mut counters = Counters::of(&task);
        for happening in happenings {
            let Ok(change) = super::apply(&task, happening, &retry) else { continue };
            let delta = Counters::difference(&task, &change.task);
            // A begun task is exposed until it succeeds; a live one always is.
            prop_assert!(!change.task.state.is_live() || change.task.exposed);
            prop_assert!(!(change.task.begun && matches!(change.task.state, Failed | TimedOut)) || change.task.exposed);
            prop_assert!(change.task.state != Succeeded || (change.task.begun && !change.task.exposed));
            let is_new = change.task.state != task.state;
            prop_assert!(!is_new || change.task.state != Failed || change.reason.is_some());
            // What began stays begun, and attempts only rise.
            let has_passed = matches!(change.event, "passed" | "passed_late");
            prop_assert!(has_passed || change.task.begun >= task.begun);
            prop_assert!(change.task.attempt >= task.attempt && change.task.tries <= attempts);
            // Nothing but the device's return takes exposure away from what began.
            let is_back = has_passed || change.task.state == Succeeded;
            prop_assert!(is_back || !task.begun || change.task.exposed >= task.exposed);
            prop_assert!(!change.task.backing_off || change.task.state == Waiting);
            // A verdict changes only by a late success, a revert, or a person's retry.
            if task.state.is_ended() && change.task.state != task.state {
                prop_assert!(matches!(change.event, "succeeded_late" | "reverted" | "retried"));
            }
            counters.exposed += delta.exposed;
            prop_assert_eq!(counters.exposed, i64::from(change.task.exposed));
            task = change.task;
        }
    }
}
