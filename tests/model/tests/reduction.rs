//! What the model leaves out of a task is read by no rule: asked of every rule and every task that there can be.

use ota_model::search::EVERYTHING;
use ota_model::state::without_past;
use ota_rollout::rules::Change;
use ota_rollout::{Counters, Refused, Retry, Task, TaskState, apply};

const RETRY: Retry = Retry { attempts: 2, ..Retry::DEFAULT };

/// Every task with up to `attempts` attempts, sensible or not.
fn every_task(attempts: i64) -> impl Iterator<Item = Task> {
    let states = TaskState::ALL.into_iter();
    states.flat_map(move |state| {
        (0..1 << 9).flat_map(move |facts: i64| {
            (0..=attempts).flat_map(move |attempt| {
                (-1..=2).map(move |tries| {
                    let is = |place: i64| facts & 1 << place != 0;
                    Task {
                        state,
                        exposed: is(0),
                        begun: is(1),
                        admitted: is(2),
                        signed: is(3),
                        offered: is(4),
                        downloaded: is(5),
                        returned: is(6),
                        refused: is(7),
                        backing_off: is(8),
                        attempt,
                        tries,
                    }
                })
            })
        })
    })
}

/// What a rule says, with `alike` over the task that it leaves.
fn said(result: Result<Change, Refused>, alike: impl Fn(&Task) -> Task) -> Result<Change, Refused> {
    result.map(|change| Change { task: alike(&change.task), ..change })
}

#[test]
fn no_rule_reads_the_facts_of_an_attempt_that_is_over() {
    for task in every_task(1) {
        let forgetful = without_past(&task);
        assert_eq!(Counters::of(&task), Counters::of(&forgetful), "{task:?}");
        for happening in EVERYTHING {
            assert_eq!(
                said(apply(&task, *happening, &RETRY), without_past),
                said(apply(&forgetful, *happening, &RETRY), without_past),
                "{happening:?} of {task:?}"
            );
        }
    }
}

#[test]
fn no_rule_tells_a_later_attempt_from_the_first() {
    for task in every_task(1).filter(|task| task.attempt == 1) {
        let later = Task { attempt: 7, ..task };
        for happening in EVERYTHING {
            assert_eq!(
                said(apply(&task, *happening, &RETRY), |task| Task { attempt: task.attempt + 6, ..*task }),
                apply(&later, *happening, &RETRY),
                "{happening:?} of {task:?}"
            );
        }
    }
}
