//! The life of a task: for each state and each happening, what it becomes, or why it does not.
//!
//! The rules are those of DESIGN §5. Whether the *job* has a slot or lets begin is not asked here:
//! the ledger asks its job row in the same transaction ([`crate::Budget`]).

use crate::{Deadline, Reason, Retry, Task, TaskState};

use TaskState::{Canceled, Downloading, Failed, Granted, Skipped, Succeeded, TimedOut, Upgrading, Waiting};

/// From this step on a device has the whole image and works on it (PROTOCOL §2.9: samples stop at 80).
const HAS_ALL_FROM_STEP: i32 = 80;

/// Something that happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The job gives it a slot.
    Grant,
    /// getversion lists its firmware.
    Offer,
    /// The device acknowledged the command.
    Acknowledge,
    /// A download begins; its first block is verified. Grants an offered task as well.
    Begin,
    /// A download was refused for want of budget alone.
    Refuse,
    /// A device that seemed to have returned asks for more of the image: it had only lost its connection.
    Resume,
    /// The last byte of the image was sent.
    Complete,
    /// The device reports a step, −2³¹..=100.
    Step(i32),
    /// The device informs a version.
    Inform(Informed),
    /// The deadline passed.
    Due,
    /// A person takes the device out, or its hardware was replaced.
    Cancel,
    /// A person gives the device another try.
    Retry,
}

/// The version that a device informs, as seen by one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Informed {
    /// The one the job moves to.
    Target,
    /// The firmware on the way to it that the device must pass through, and was told to take.
    Hop,
    /// The one the device had when the attempt was granted.
    Source,
    /// One that was registered after the target.
    Newer,
    /// Any other.
    Other,
}

/// What a task becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The task afterwards.
    pub task: Task,
    /// What becomes of its deadline.
    pub deadline: Deadline,
    /// Why it failed, when it did.
    pub reason: Option<Reason>,
    /// The event's word for it.
    pub event: &'static str,
}

/// Why a happening changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It says nothing new about this task.
    #[error("nothing changes")]
    Nothing,
    /// The task was neither granted nor offered.
    #[error("the task is not started")]
    NotStarted,
    /// The attempt is over.
    #[error("the attempt is over")]
    Over,
}

/// What `task` becomes when `happening` comes, under the job's policy of retries.
///
/// ```
/// use ota_rollout::{apply, Happening, Informed, Retry, Task, TaskState};
/// let retry = Retry::DEFAULT;
/// let granted = apply(&Task::NEW, Happening::Grant, &retry).unwrap().task;
/// let begun = apply(&granted, Happening::Begin, &retry).unwrap().task;
/// let done = apply(&begun, Happening::Inform(Informed::Target), &retry).unwrap().task;
/// assert_eq!((done.state, done.exposed), (TaskState::Succeeded, false));
/// ```
pub fn apply(task: &Task, happening: Happening, retry: &Retry) -> Result<Change, Refused> {
    match happening {
        Happening::Grant => grant(task),
        Happening::Offer => offer(task),
        Happening::Acknowledge => acknowledge(task),
        Happening::Begin => begin(task),
        Happening::Refuse => refuse(task),
        Happening::Resume => resume(task),
        Happening::Complete => complete(task),
        Happening::Step(step) => match Reason::from_step(step) {
            Some(reason) => stumble(task, reason, retry),
            None => advance(task, step),
        },
        Happening::Inform(version) => inform(task, version, retry),
        Happening::Due => due(task, retry),
        Happening::Cancel => cancel(task),
        Happening::Retry => try_again(task),
    }
}

fn grant(task: &Task) -> Result<Change, Refused> {
    if task.state != Waiting || task.backing_off {
        return Err(Refused::Nothing);
    }
    let granted = Task {
        state: Granted,
        exposed: true,
        attempt: task.attempt + 1,
        tries: task.tries + 1,
        admitted: false,
        signed: false,
        downloaded: false,
        returned: false,
        refused: false,
        ..*task
    };
    Ok(change(granted, Deadline::FirstSign, "granted"))
}

fn offer(task: &Task) -> Result<Change, Refused> {
    if task.state != Waiting || task.offered || task.backing_off {
        return Err(Refused::Nothing);
    }
    Ok(change(Task { offered: true, ..*task }, Deadline::Keep, "offered"))
}

fn acknowledge(task: &Task) -> Result<Change, Refused> {
    if task.state != Granted || task.signed {
        return Err(Refused::Nothing);
    }
    Ok(change(Task { signed: true, ..*task }, Deadline::Upgrade, "acknowledged"))
}

fn begin(task: &Task) -> Result<Change, Refused> {
    match task.state {
        Waiting if task.offered => Ok(admitted(started(&grant(task)?.task, Downloading))),
        Granted => Ok(admitted(started(task, Downloading))),
        // It reported progress first, which let nothing leave.
        Downloading | Upgrading if !task.admitted => {
            Ok(admitted(change(Task { refused: false, ..*task }, Deadline::Keep, "admitted")))
        }
        Downloading | Upgrading => Err(Refused::Nothing),
        Waiting => Err(Refused::NotStarted),
        _ => Err(Refused::Over),
    }
}

/// A granted task shows that it is at work.
fn started(task: &Task, state: TaskState) -> Change {
    let deadline = if task.signed { Deadline::Keep } else { Deadline::Upgrade };
    let begun = Task { state, begun: true, signed: true, refused: false, ..*task };
    change(begun, deadline, "begun")
}

/// The job lets bytes leave.
fn admitted(change: Change) -> Change {
    Change { task: Task { admitted: true, ..change.task }, ..change }
}

fn refuse(task: &Task) -> Result<Change, Refused> {
    let is_open = task.state == Granted || (task.state == Waiting && task.offered);
    if !is_open || task.refused {
        return Err(Refused::Nothing);
    }
    Ok(change(Task { refused: true, ..*task }, Deadline::Keep, "refused"))
}

/// The attempt's own time-out runs on, so a device that boots the old version over and over ends all the same.
fn resume(task: &Task) -> Result<Change, Refused> {
    if !task.state.is_live() || !task.returned {
        return Err(Refused::Nothing);
    }
    Ok(change(Task { returned: false, ..*task }, Deadline::Restore, "resumed_download"))
}

fn complete(task: &Task) -> Result<Change, Refused> {
    match task.state {
        Downloading if task.admitted => {
            let has_all = Task { state: Upgrading, downloaded: true, ..*task };
            Ok(change(has_all, Deadline::Keep, "downloaded"))
        }
        Upgrading if task.admitted && !task.downloaded => {
            Ok(change(Task { downloaded: true, ..*task }, Deadline::Keep, "downloaded"))
        }
        Downloading | Upgrading => Err(Refused::Nothing),
        Waiting | Granted => Err(Refused::NotStarted),
        _ => Err(Refused::Over),
    }
}

/// Step 0 and above. A device may flash bytes that it kept, so the report itself is a begin.
fn advance(task: &Task, step: i32) -> Result<Change, Refused> {
    let has_all = step >= HAS_ALL_FROM_STEP;
    let state = if has_all { Upgrading } else { Downloading };
    match task.state {
        Waiting if task.offered => {
            // It takes its slot and is let begin in one.
            let begun = admitted(started(&grant(task)?.task, state));
            Ok(Change { task: Task { downloaded: has_all, ..begun.task }, ..begun })
        }
        Granted => {
            let begun = started(task, state);
            Ok(Change { task: Task { downloaded: has_all, ..begun.task }, ..begun })
        }
        Downloading if has_all => {
            let working = Task { state: Upgrading, downloaded: true, ..*task };
            Ok(change(working, Deadline::Keep, "upgrading"))
        }
        Waiting if task.attempt == 0 => Err(Refused::NotStarted),
        Downloading | Upgrading => Err(Refused::Nothing),
        _ => Err(Refused::Over),
    }
}

/// A negative step.
fn stumble(task: &Task, reason: Reason, retry: &Retry) -> Result<Change, Refused> {
    match task.state {
        // The device gave up because we had no room for it: its turn comes again.
        Granted if task.refused && !task.begun => Ok(lapse(task)),
        Waiting if task.refused => Err(Refused::Over),
        Granted | Downloading | Upgrading => Ok(failed(task, reason, retry)),
        Waiting if task.offered => Ok(failed(task, reason, retry)),
        Waiting if task.attempt == 0 => Err(Refused::NotStarted),
        _ => Err(Refused::Over),
    }
}

fn inform(task: &Task, version: Informed, retry: &Retry) -> Result<Change, Refused> {
    match (version, task.state) {
        (Informed::Target, Succeeded | Skipped) => Err(Refused::Nothing),
        (Informed::Target, state) if task.begun => {
            let event = if state.is_ended() { "succeeded_late" } else { "succeeded" };
            let back =
                Task { state: Succeeded, exposed: false, returned: false, backing_off: false, ..*task };
            Ok(change(back, Deadline::None, event))
        }
        (Informed::Target, Waiting | Granted | Downloading | Upgrading) => Ok(skipped(task)),
        (Informed::Hop, Waiting | Granted | Downloading | Upgrading | Failed | TimedOut | Canceled) => {
            pass_hop(task)
        }
        (Informed::Newer, Waiting) if !task.begun => Ok(skipped(task)),
        (Informed::Source, Upgrading) if task.downloaded && !task.returned => {
            Ok(change(Task { returned: true, ..*task }, Deadline::Confirm, "returned"))
        }
        (Informed::Newer | Informed::Other, Granted | Downloading | Upgrading) => {
            Ok(failed(task, Reason::WrongVersion, retry))
        }
        (Informed::Hop | Informed::Source | Informed::Newer | Informed::Other, Succeeded) => {
            let lost = Task { state: Failed, exposed: true, ..*task };
            Ok(Change { reason: Some(Reason::Reverted), ..change(lost, Deadline::None, "reverted") })
        }
        _ => Err(Refused::Nothing),
    }
}

/// The device is where the job would bring it, or beyond, without our doing.
fn skipped(task: &Task) -> Change {
    change(Task { state: Skipped, exposed: false, backing_off: false, ..*task }, Deadline::None, "skipped")
}

/// The device is back, on the firmware that it had to pass through: no longer at risk, and its next hop is a first
/// grant. A verdict stays a verdict.
fn pass_hop(task: &Task) -> Result<Change, Refused> {
    if task.state.is_ended() {
        if !task.exposed {
            return Err(Refused::Nothing);
        }
        let passed = Task { exposed: false, begun: false, ..*task };
        return Ok(change(passed, Deadline::None, "passed_late"));
    }
    if task.state == Waiting && !task.begun {
        return Err(Refused::Nothing);
    }
    let passed = Task { attempt: task.attempt, ..Task::NEW };
    Ok(change(passed, Deadline::None, "passed"))
}

fn due(task: &Task, retry: &Retry) -> Result<Change, Refused> {
    match task.state {
        Waiting if task.backing_off => {
            let due = Task { backing_off: false, ..*task };
            Ok(change(due, while_exposed(&due), "retry_due"))
        }
        // Nobody could reach it for another attempt.
        Waiting if task.exposed => Ok(silent(task)),
        // Nor is a device that was turned away for want of room to blame for its silence.
        Granted if !task.signed || (task.refused && !task.begun) => Ok(lapse(task)),
        Granted | Downloading | Upgrading if task.returned => Ok(failed(task, Reason::Rollback, retry)),
        Granted | Downloading | Upgrading => Ok(timed_out(task, retry)),
        _ => Err(Refused::Over),
    }
}

fn timed_out(task: &Task, retry: &Retry) -> Change {
    if retry.allows(Reason::TimedOut, task.tries) {
        return back_off(task, Reason::TimedOut);
    }
    silent(task)
}

fn silent(task: &Task) -> Change {
    let silent = Task { state: TimedOut, exposed: task.begun, ..*task };
    Change { reason: Some(Reason::TimedOut), ..change(silent, Deadline::None, "timed_out") }
}

/// A device that is at risk does not wait for ever: if no attempt follows in time, that is its verdict.
fn while_exposed(task: &Task) -> Deadline {
    if task.exposed { Deadline::Upgrade } else { Deadline::None }
}

fn cancel(task: &Task) -> Result<Change, Refused> {
    if task.state.is_ended() {
        return Err(Refused::Over);
    }
    let exposed = task.begun && task.exposed;
    let out = Task { state: Canceled, exposed, backing_off: false, ..*task };
    Ok(change(out, Deadline::None, "canceled"))
}

/// A person's retry: what the device may have lost stays counted.
fn try_again(task: &Task) -> Result<Change, Refused> {
    if !matches!(task.state, Failed | TimedOut | Canceled) {
        return Err(Refused::Nothing);
    }
    let again = Task {
        state: Waiting,
        offered: false,
        signed: false,
        admitted: false,
        refused: false,
        returned: false,
        tries: 0,
        ..*task
    };
    Ok(change(again, while_exposed(&again), "retried"))
}

/// The grant dies, and its link with it; the device was not at risk unless an earlier attempt began.
/// What never started is no try.
fn lapse(task: &Task) -> Change {
    let waiting =
        Task { state: Waiting, exposed: task.begun, refused: false, tries: task.tries - 1, ..*task };
    change(waiting, while_exposed(&waiting), "lapsed")
}

/// The attempt ends without the target. Exposure stays unless no attempt ever began.
fn failed(task: &Task, reason: Reason, retry: &Retry) -> Change {
    // An offered task that fails was not granted; that was a try all the same.
    let tries = task.tries + i64::from(task.state == Waiting);
    if retry.allows(reason, tries) {
        return back_off(&Task { tries, ..*task }, reason);
    }
    let failed = Task { state: Failed, exposed: task.begun && task.exposed, ..*task };
    Change { reason: Some(reason), ..change(failed, Deadline::None, "failed") }
}

/// The attempt ends, another follows.
fn back_off(task: &Task, reason: Reason) -> Change {
    let waiting = Task {
        state: Waiting,
        exposed: task.begun && task.exposed,
        offered: false,
        refused: false,
        returned: false,
        backing_off: true,
        ..*task
    };
    Change { reason: Some(reason), ..change(waiting, Deadline::Backoff, "retrying") }
}

fn change(task: Task, deadline: Deadline, event: &'static str) -> Change {
    Change { task, deadline, reason: None, event }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
