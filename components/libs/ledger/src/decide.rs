//! The one way in which a task changes: task, then job (the hot row last), then the event, in one transaction.
//!
//! The statements that take a slot and that let begin are the loss budget itself: each is conditional on
//! the job's row, and when it changes no row, the whole decision is taken back.

use ota_rollout::rules::Change;
use ota_rollout::{Counters, Deadline, Happening, JobState, Kind, Task, TaskState};

use crate::event::NewEvent;
use crate::record::{JobRecord, TaskRecord};
use crate::stages::COUNT_CLOSED;
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError, Value};

/// A change of one task, about to be written.
pub(crate) struct Decision<'d> {
    pub happening: Happening,
    pub change: Change,
    /// The device's own words beside it.
    pub detail: Option<&'d str>,
    pub actor: &'d str,
    /// Whether the answer to this very message carries the command, so that the sweep need not at once.
    pub is_carried: bool,
    /// When the device said what leads to it (ms), which is when that came about; `None`: it comes about now.
    pub spoken_at: Option<i64>,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landed {
    /// It is written.
    Yes,
    /// The task was changed by another in the meantime.
    Raced,
    /// The job gives no slot, or does not let begin.
    NoSlot,
}

impl Ledger<'_> {
    /// Writes `decision` over `assignment`; the caller commits only when it landed.
    pub(crate) fn write(
        &self,
        view: &View,
        assignment: &Assignment,
        decision: &Decision<'_>,
    ) -> Result<Landed, SqlError> {
        let (before, after) = (&assignment.record.task, &decision.change.task);
        if self.sql.execute(UPDATE_TASK, &self.task_values(view, assignment, decision))? != 1 {
            return Ok(Landed::Raced);
        }
        let difference = Counters::difference(before, after);
        if !self.count(assignment, decision, &difference)? {
            return Ok(Landed::NoSlot);
        }
        if before.state == TaskState::Waiting && before.offered && after.state.is_live() {
            self.void_offers(assignment)?;
        }
        let has_ended = difference.in_flight < 0 || (difference.waiting < 0 && difference.in_flight == 0);
        let may_settle = has_ended || difference.succeeded != 0 || difference.retrying < 0;
        // As its counters stand now: its row is locked by the statement before.
        let settled = if may_settle { self.job(&assignment.job.job)? } else { None };
        let is_first_failure = settled
            .as_ref()
            .is_some_and(|job| difference.lost() > 0 && job.counters.lost() == difference.lost());
        let detail = decision.words();
        self.append(&NewEvent {
            kind: decision.change.event,
            device: Some(&assignment.record.id),
            product: None,
            job: Some(&assignment.job.job),
            actor: decision.actor,
            detail: detail.as_deref(),
            message: is_first_failure.then_some("first_failure"),
        })?;
        if let Some(job) = settled {
            self.take_state(&job)?;
        }
        Ok(Landed::Yes)
    }

    /// The device has chosen: what it says from here on speaks of no other offer.
    fn void_offers(&self, assignment: &Assignment) -> Result<(), SqlError> {
        let device = &assignment.record.id;
        self.sql.execute(
            VOID_OFFERS,
            &[
                device.product.as_str().into(),
                device.device.as_str().into(),
                assignment.job.job.as_str().into(),
            ],
        )?;
        Ok(())
    }

    /// Moves the job's counters; `false` when the job refuses.
    fn count(
        &self,
        assignment: &Assignment,
        decision: &Decision<'_>,
        difference: &Counters,
    ) -> Result<bool, SqlError> {
        let job: Value = assignment.job.job.as_str().into();
        let takes_slot = assignment.record.task.state == TaskState::Waiting && difference.in_flight == 1;
        if takes_slot {
            let statement = if difference.exposed == 1 { SLOT } else { SLOT_AGAIN };
            let values = [job.clone(), difference.retrying.into()];
            if self.sql.execute(&self.dialect.text(&statement.replace("{pace}", PACE)), &values)? != 1 {
                return Ok(false);
            }
        }
        // A report on an offer takes its slot and is let begin in one, at a second try as at the first.
        let is_let_begin = takes_slot && decision.change.task.admitted;
        let lets_begin = decision.happening == Happening::Begin || is_let_begin;
        if lets_begin {
            return Ok(self.sql.execute(BEGIN, &[job, difference.begun.into()])? == 1);
        }
        if !takes_slot && *difference != Counters::default() {
            let (arrived, ended) = arrivals(&assignment.record.task, &decision.change.task);
            let stage: Value = assignment.record.stage.into();
            let mut values = counted(&job, difference);
            values.extend([stage.clone(), arrived.into(), ended.into()]);
            self.sql.execute(COUNT, &values)?;
            if assignment.record.stage > assignment.job.stage && (arrived, ended) != (0, 0) {
                self.sql.execute(COUNT_CLOSED, &[job, stage, arrived.into(), ended.into()])?;
            }
        }
        Ok(true)
    }

    /// Ends or holds the job, if its counters say so.
    pub(crate) fn take_state(&self, job: &JobRecord) -> Result<(), SqlError> {
        let Some((state, because)) = job.rules().settle() else { return Ok(()) };
        self.sql.execute(
            SET_JOB_STATE,
            &[job.job.as_str().into(), state.as_str().into(), because.as_deref().into()],
        )?;
        self.append(&NewEvent {
            kind: state.as_str(),
            device: None,
            product: Some(job.product.as_str()),
            job: Some(&job.job),
            actor: "gateway",
            detail: because.as_deref(),
            message: Some(state.as_str()),
        })
    }

    /// The parameters of [`UPDATE_TASK`].
    fn task_values(&self, view: &View, assignment: &Assignment, decision: &Decision<'_>) -> Vec<Value> {
        let record = &assignment.record;
        let (before, after) = (&record.task, &decision.change.task);
        let is_granted = decision.is_granted(record);
        let Deadlines { deadline, times_out_at } = self.deadlines(view, assignment, decision);
        let push_id =
            if is_granted && !after.signed { Some(self.new_push_id()) } else { record.push_id.clone() };
        let from = if is_granted { &view.device.version } else { &record.from };
        let (step, detail) = decision.report(record);
        let came_about_at = decision.came_about_at(view);
        let begun_at = if begins(before, after) { came_about_at } else { record.begun_at };
        // What failed before is why it waits, and a verdict keeps its reason.
        let keeps_reason = after.state == TaskState::Waiting || after.state == before.state;
        let reason = decision.change.reason.map(|reason| reason.to_string());
        vec![
            record.job.as_str().into(),
            record.id.device.as_str().into(),
            before.state.as_str().into(),
            before.attempt.into(),
            i64::from(before.exposed).into(),
            i64::from(before.begun).into(),
            after.state.as_str().into(),
            after.attempt.into(),
            i64::from(after.exposed).into(),
            i64::from(after.begun).into(),
            i64::from(after.signed).into(),
            i64::from(after.offered).into(),
            i64::from(after.downloaded).into(),
            i64::from(after.returned).into(),
            i64::from(after.refused).into(),
            from.as_ref().map(ota_protocol::version::Version::as_str).into(),
            step.into(),
            (if step == record.step { record.stepped_at } else { view.now }).into(),
            detail.into(),
            reason.or_else(|| record.reason.clone().filter(|_| keeps_reason)).into(),
            push_id.into(),
            (view.now + if decision.is_carried { PUSH_AGAIN_AFTER } else { 0 }).into(),
            (if is_granted { came_about_at } else { record.granted_at }).into(),
            deadline.into(),
            after.state.is_ended().then_some(came_about_at).into(),
            ready_until(view, assignment, decision).into(),
            i64::from(after.admitted).into(),
            after.tries.into(),
            i64::from(after.backing_off).into(),
            times_out_at.into(),
            hop(assignment, decision).into(),
            begun_at.into(),
        ]
    }

    fn deadlines(&self, view: &View, assignment: &Assignment, decision: &Decision<'_>) -> Deadlines {
        let (record, terms) = (&assignment.record, &assignment.job.terms);
        let times_out_at = match decision.change.deadline {
            Deadline::Upgrade => Some(timed_from(view, assignment, decision) + terms.upgrade_timeout),
            Deadline::FirstSign => None,
            _ => record.times_out_at,
        };
        let deadline = match decision.change.deadline {
            Deadline::Keep => record.deadline,
            Deadline::FirstSign => Some(view.now + terms.first_sign_within),
            Deadline::Upgrade => times_out_at,
            // No later than the attempt ends: one that returns over and over ends too.
            Deadline::Confirm => {
                let confirmed_at = view.now + terms.confirm_within;
                Some(times_out_at.map_or(confirmed_at, |times_out_at| times_out_at.min(confirmed_at)))
            }
            Deadline::Restore => times_out_at.or(Some(view.now)),
            Deadline::Backoff => {
                Some(view.now + terms.retry.delay(decision.change.task.tries, (self.random)()))
            }
            Deadline::None => None,
        };
        Deadlines { deadline, times_out_at }
    }
}

/// When silence has a consequence, and when the attempt ends at the latest (ms).
struct Deadlines {
    deadline: Option<i64>,
    times_out_at: Option<i64>,
}

impl<'d> Decision<'d> {
    /// It comes about now, and its command is for the sweep.
    pub(crate) const fn by(actor: &'d str, happening: Happening, change: Change) -> Self {
        Self { happening, change, detail: None, actor, is_carried: false, spoken_at: None }
    }

    /// Whether it gives the task another attempt.
    fn is_granted(&self, before: &TaskRecord) -> bool {
        self.change.task.attempt > before.task.attempt
    }

    /// The step and the device's own words, as they stand afterwards.
    fn report(&self, before: &TaskRecord) -> (Option<i64>, Option<String>) {
        match self.happening {
            Happening::Step(step) => (Some(i64::from(step)), self.detail.map(str::to_owned)),
            Happening::Acknowledge if self.detail.is_some() => (before.step, self.detail.map(str::to_owned)),
            _ if self.is_granted(before) => (None, None),
            _ => (before.step, before.detail.clone()),
        }
    }

    /// When that which is written came about (ms): what a device says is concluded at the time when it said so, however
    /// late it was heard, so that what it said afterwards counts as later.
    fn came_about_at(&self, view: &View) -> i64 {
        self.spoken_at.unwrap_or(view.now)
    }

    /// What its event says beside its kind: the reason, the device's own words.
    fn words(&self) -> Option<String> {
        let reason = self.change.reason.map(|reason| reason.to_string());
        match (reason, self.detail.filter(|detail| !detail.is_empty())) {
            (Some(reason), Some(words)) => Some(format!("{reason}: {words}")),
            (Some(text), None) => Some(text),
            (None, words) => words.map(str::to_owned),
        }
    }
}

/// Whether the device starts to work on the image, or the job lets its bytes leave.
fn begins(before: &Task, after: &Task) -> bool {
    let is_at_work = |task: &Task| matches!(task.state, TaskState::Downloading | TaskState::Upgrading);
    (is_at_work(after) && !is_at_work(before)) || (after.admitted && !before.admitted)
}

/// From when the time-out runs: the first sign, for verification jobs the grant.
fn timed_from(view: &View, assignment: &Assignment, decision: &Decision<'_>) -> i64 {
    let record = &assignment.record;
    let is_verified = assignment.job.kind == Kind::Verify;
    let runs_from_grant = is_verified && record.task.state.is_live() && !decision.is_granted(record);
    if runs_from_grant { record.granted_at } else { view.now }
}

/// Only a hop that the device began, or is at work on, is remembered: what waits takes the next one from where the device
/// is.
fn hop(assignment: &Assignment, decision: &Decision<'_>) -> Option<i64> {
    let (record, after) = (&assignment.record, &decision.change.task);
    match after.state {
        _ if decision.is_granted(record) => Some(assignment.firmware.sequence),
        TaskState::Waiting if !after.begun => None,
        _ => record.hop,
    }
}

/// Until when the sweep may grant the task without hearing of the device. One that was told and showed no sign is
/// reachable again only when it says so; one that comes back to waiting is as reachable as the device is.
fn ready_until(view: &View, assignment: &Assignment, decision: &Decision<'_>) -> i64 {
    let (record, after) = (&assignment.record, &decision.change.task);
    let comes_back = after.state == TaskState::Waiting && record.task.state != TaskState::Waiting;
    let was_told = assignment.job.state == JobState::Running
        && assignment.job.schedule.opens_at(view.now).is_none()
        && !record.task.signed;
    if comes_back
        && was_told
        && record.task.state == TaskState::Granted
        && decision.happening == Happening::Due
    {
        return 0;
    }
    match comes_back {
        // Those that had more attempts come later: whoever was never granted goes before one that lapsed.
        true if view.device.is_connected => FOR_EVER - after.attempt,
        true => view.device.heard_at + assignment.job.terms.reachable_within,
        false => record.ready_until,
    }
}

/// By how much more have arrived at the target, and have ended, in the stage of the task.
fn arrivals(before: &Task, after: &Task) -> (i64, i64) {
    let has_arrived = |task: &Task| matches!(task.state, TaskState::Succeeded | TaskState::Skipped);
    let arrived = i64::from(has_arrived(after)) - i64::from(has_arrived(before));
    (arrived, i64::from(after.state.is_ended()) - i64::from(before.state.is_ended()))
}

/// The first parameters of [`COUNT`]: the job, and by how much its counters change.
fn counted(job: &Value, difference: &Counters) -> Vec<Value> {
    vec![
        job.clone(),
        difference.waiting.into(),
        difference.in_flight.into(),
        difference.succeeded.into(),
        difference.failed.into(),
        difference.timed_out.into(),
        difference.canceled.into(),
        difference.skipped.into(),
        difference.exposed.into(),
        difference.begun.into(),
        difference.retrying.into(),
    ]
}

/// Beyond any clock (2⁵³ ms): until something else is said.
pub(crate) const FOR_EVER: i64 = 9_007_199_254_740_992;
/// How long the answer that carries a command is given before the sweep delivers it (ms).
const PUSH_AGAIN_AFTER: i64 = 2000;

const UPDATE_TASK: &str = "UPDATE task SET state = $7, attempt = $8, exposed = $9, begun = $10, signed = $11,
        offered = $12, downloaded = $13, returned = $14, refused = $15, from_version = $16, step = $17,
        stepped_at = $18, detail = $19, reason = $20, push_id = $21, push_at = $22, pushes = 0,
        granted_at = $23, deadline = $24, ended_at = $25, ready_until = $26, admitted = $27, tries = $28,
        backing_off = $29, times_out_at = $30, hop = $31, begun_at = $32
    WHERE job = $1 AND device = $2 AND state = $3 AND attempt = $4 AND exposed = $5 AND begun = $6";

/// The first slot of a task: the loss budget (DESIGN §4), and the pace.
const SLOT: &str = "UPDATE job SET exposed = exposed + 1, in_flight = in_flight + 1, waiting = waiting - 1,
        retrying = retrying + $2, {pace}
    WHERE job = $1 AND state = 'running' AND exposed < loss_budget + growth * succeeded / 1000
        AND in_flight < max_in_flight AND (per_minute = 0 OR paced_until <= {now} + 1000)";
/// A task that is exposed already takes no second place in the budget.
const SLOT_AGAIN: &str = "UPDATE job SET in_flight = in_flight + 1, waiting = waiting - 1,
        retrying = retrying + $2, {pace},
        forgiven_lost = CASE WHEN exposed - in_flight - 1 < forgiven_lost THEN exposed - in_flight - 1
            ELSE forgiven_lost END
    WHERE job = $1 AND state = 'running' AND in_flight < max_in_flight
        AND (per_minute = 0 OR paced_until <= {now} + 1000)";
/// One grant takes its share of a minute; what was not used is not saved up.
const PACE: &str = "paced_until = CASE WHEN per_minute = 0 THEN 0
            WHEN paced_until > {now} THEN paced_until + 60000 / per_minute
            ELSE {now} + 60000 / per_minute END";
/// Lets begin: the row that stop locks, so stop and begin have an order; and the bound is read again,
/// since a revert may have moved it after the grant.
const BEGIN: &str = "UPDATE job SET begun = begun + $2
    WHERE job = $1 AND state = 'running' AND exposed <= loss_budget + growth * succeeded / 1000";
/// What a resume forgave is never more than what is lost: a device that comes back is not forgiven a second time.
/// Neither is what the next one would forgive.
const COUNT: &str = "UPDATE job SET waiting = waiting + $2, in_flight = in_flight + $3,
        succeeded = succeeded + $4, failed = failed + $5, timed_out = timed_out + $6,
        canceled = canceled + $7, skipped = skipped + $8, exposed = exposed + $9, begun = begun + $10,
        retrying = retrying + $11,
        stage_succeeded = stage_succeeded + CASE WHEN stage = $12 THEN CAST($13 AS BIGINT) ELSE 0 END,
        stage_ended = stage_ended + CASE WHEN stage = $12 THEN CAST($14 AS BIGINT) ELSE 0 END,
        forgiven_lost = CASE WHEN forgiven_lost > exposed + $9 - in_flight - $3
            THEN exposed + $9 - in_flight - $3 ELSE forgiven_lost END,
        held_lost = CASE WHEN held_lost > exposed + $9 - in_flight - $3
            THEN exposed + $9 - in_flight - $3 ELSE held_lost END
    WHERE job = $1";
const VOID_OFFERS: &str = "UPDATE task SET offered = 0
    WHERE product = $1 AND device = $2 AND job <> $3 AND state = 'waiting' AND offered = 1";
const SET_JOB_STATE: &str = "UPDATE job SET state = $2, held_because = $3,
        held_lost = exposed - in_flight, held_succeeded = succeeded
    WHERE job = $1";
