//! A device reports a step.

use ota_protocol::key::DeviceId;
use ota_rollout::{Happening, Mode, Refused, TaskState, apply};

use crate::command::Command;
use crate::decide::{Decision, Landed};
use crate::inform::{Heard, speaks_of};
use crate::transaction::End;
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError};

/// What a report led to.
#[derive(Debug)]
pub enum Reported {
    /// The device is not registered: 402.
    Unknown,
    /// Taken in, or recorded beside a verdict: 200.
    Taken(Option<Box<Command>>),
    /// The device has no task: 764.
    NoTask,
    /// It has one that was neither granted nor offered, or has no slot: 765.
    NotStarted,
}

/// A step inside the same ten per cent is written again only after this long (ms).
const STEP_EVERY: i64 = 60_000;
/// Written steps differ in this (per cent).
const STEP_WIDTH: i64 = 10;

impl Ledger<'_> {
    /// Takes in a step. Repeating it changes nothing; inside a step of 10 % and 60 s it costs one read.
    pub fn progress(&self, heard: &Heard, step: i32, words: Option<&str>) -> Result<Reported, SqlError> {
        let Some(view) = self.view(&heard.id)? else { return Ok(Reported::Unknown) };
        let Some(assignment) = subject(&view) else { return Ok(Reported::NoTask) };
        let command = || view.undelivered().map(Box::new);
        let spoken_at = heard.spoken_at(view.now);
        if !speaks_of(&view, assignment, spoken_at) {
            return Ok(Reported::Taken(command()));
        }
        match apply(&assignment.record.task, Happening::Step(step), &assignment.job.terms.retry) {
            Ok(_) => self.change_by_step(&heard.id, &assignment.job.job, spoken_at, step, words),
            Err(Refused::NotStarted) => Ok(Reported::NotStarted),
            Err(Refused::Nothing | Refused::Over) => {
                self.record_step(&view, assignment, step, words)?;
                Ok(Reported::Taken(command()))
            }
        }
    }

    fn change_by_step(
        &self,
        id: &DeviceId,
        job: &str,
        spoken_at: i64,
        step: i32,
        words: Option<&str>,
    ) -> Result<Reported, SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view_with(id, job)? else {
                return Ok(End::Rollback(Reported::Unknown));
            };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(Reported::NoTask)) };
            if !speaks_of(&view, assignment, spoken_at) {
                return Ok(End::Rollback(Reported::Taken(None)));
            }
            let happening = Happening::Step(step);
            let task = &assignment.record.task;
            let Ok(change) = apply(task, happening, &assignment.job.terms.retry) else {
                return Ok(End::Rollback(Reported::Taken(None)));
            };
            let takes_offer = task.state == TaskState::Waiting && change.task.state.is_live();
            if takes_offer && !view.is_free_but_for(assignment, |_| false) {
                return Ok(End::Rollback(Reported::NotStarted));
            }
            let decision = Decision {
                detail: words,
                spoken_at: Some(spoken_at),
                ..Decision::by("device", happening, change)
            };
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(Reported::Taken(None)),
                Landed::Raced => End::Rollback(Reported::Taken(None)),
                Landed::NoSlot => End::Rollback(Reported::NotStarted),
            })
        })
    }

    fn record_step(
        &self,
        view: &View,
        assignment: &Assignment,
        step: i32,
        words: Option<&str>,
    ) -> Result<(), SqlError> {
        let (record, step) = (&assignment.record, i64::from(step));
        let is_same_width =
            record.step.is_some_and(|old| old.div_euclid(STEP_WIDTH) == step.div_euclid(STEP_WIDTH));
        if is_same_width && view.now - record.stepped_at < STEP_EVERY {
            return Ok(());
        }
        self.sql.execute(
            &self.dialect.text(RECORD_STEP),
            &[
                record.job.as_str().into(),
                record.id.device.as_str().into(),
                record.task.attempt.into(),
                step.into(),
                words.into(),
            ],
        )?;
        Ok(())
    }

    /// The command of a push task that waits for a sign, for answers that carry one to HTTP-only devices.
    pub fn pending(&self, id: &DeviceId) -> Result<Option<Command>, SqlError> {
        Ok(self.view(id)?.and_then(|view| view.undelivered()))
    }

    /// A device answered the command `push_id`; its code and words are recorded, and prove nothing but receipt
    /// (PROTOCOL §2.9). `false` when the device is not registered.
    pub fn acknowledge(&self, id: &DeviceId, push_id: &str, words: Option<&str>) -> Result<bool, SqlError> {
        let Some(view) = self.view(id)? else { return Ok(false) };
        let is_answered = |view: &View| {
            view.live().is_some_and(|live| {
                live.job.mode == Mode::Push
                    && live.record.push_id.as_deref() == Some(push_id)
                    && apply(&live.record.task, Happening::Acknowledge, &live.job.terms.retry).is_ok()
            })
        };
        if !is_answered(&view) {
            self.record_words(&view, push_id, words)?;
            return Ok(true);
        }
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view(id)?.filter(is_answered) else { return Ok(End::Rollback(true)) };
            let Some(live) = view.live() else { return Ok(End::Rollback(true)) };
            let happening = Happening::Acknowledge;
            let Ok(change) = apply(&live.record.task, happening, &live.job.terms.retry) else {
                return Ok(End::Rollback(true));
            };
            let decision = Decision { detail: words, ..Decision::by("device", happening, change) };
            Ok(match self.write(&view, live, &decision)? {
                Landed::Yes => End::Commit(true),
                Landed::Raced | Landed::NoSlot => End::Rollback(true),
            })
        })
    }

    /// A device may think for long before it answers; by then its receipt is known, and its words stand beside
    /// the task. Repeating them writes nothing.
    fn record_words(&self, view: &View, push_id: &str, words: Option<&str>) -> Result<(), SqlError> {
        let live = view.live().filter(|live| live.record.push_id.as_deref() == Some(push_id));
        let (Some(live), Some(words)) = (live, words) else { return Ok(()) };
        let record = &live.record;
        if record.detail.as_deref() == Some(words) {
            return Ok(());
        }
        self.sql.execute(
            RECORD_WORDS,
            &[
                record.job.as_str().into(),
                record.id.device.as_str().into(),
                record.task.attempt.into(),
                words.into(),
            ],
        )?;
        Ok(())
    }
}

/// The task that a report is about: the live one, else the offer listed last, else the latest that ended
/// or lapsed, else one that waits.
fn subject(view: &View) -> Option<&Assignment> {
    let is_offer = |assignment: &&Assignment| {
        let task = &assignment.record.task;
        task.state == TaskState::Waiting && task.offered && assignment.is_open(&view.device)
    };
    let was_at_work = |assignment: &&Assignment| assignment.record.task.attempt > 0;
    // What a clock that was set back has dated ahead came before all that it dates since.
    let granted = |assignment: &&Assignment| {
        let granted_at = assignment.record.granted_at;
        (!view.is_ahead(granted_at), granted_at)
    };
    view.live()
        .or_else(|| view.tasks.iter().rfind(is_offer))
        .or_else(|| view.tasks.iter().filter(was_at_work).max_by_key(granted))
        .or_else(|| view.tasks.iter().rfind(|a| a.record.task.state == TaskState::Waiting))
        .or_else(|| view.tasks.last())
}

const RECORD_STEP: &str = "UPDATE task SET step = $4, stepped_at = {now}, detail = COALESCE($5, detail)
    WHERE job = $1 AND device = $2 AND attempt = $3";
const RECORD_WORDS: &str = "UPDATE task SET detail = $4 WHERE job = $1 AND device = $2 AND attempt = $3";
