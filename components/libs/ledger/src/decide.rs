//! The one way in which a task changes: task, then job (the hot row last), then the event, in one transaction.
//!
//! The statements that take a slot and that let begin are the loss budget itself: each is conditional on
//! the job's row, and when it changes no row, the whole decision is taken back.

use ota_rollout::rules::Change;
use ota_rollout::{Counters, Deadline, Happening, TaskState};

use crate::event::NewEvent;
use crate::record::JobRecord;
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
        let reason = decision.change.reason.map(|reason| reason.to_string());
        let detail = match (&reason, decision.detail.filter(|detail| !detail.is_empty())) {
            (Some(reason), Some(words)) => Some(format!("{reason}: {words}")),
            (Some(text), None) => Some(text.clone()),
            (None, words) => words.map(str::to_owned),
        };
        if before.state == TaskState::Waiting && before.offered && after.state.is_live() {
            // The device has chosen: what it says from here on speaks of no other offer.
            let device = &assignment.record.id;
            self.sql.execute(
                VOID_OFFERS,
                &[
                    device.product.as_str().into(),
                    device.device.as_str().into(),
                    assignment.job.job.as_str().into(),
                ],
            )?;
        }
        self.append(&NewEvent {
            kind: decision.change.event,
            device: Some(&assignment.record.id),
            product: None,
            job: Some(&assignment.job.job),
            actor: decision.actor,
            detail: detail.as_deref(),
        })?;
        let has_ended = difference.in_flight < 0 || (difference.waiting < 0 && difference.in_flight == 0);
        if has_ended || difference.succeeded != 0 {
            self.settle(&assignment.job.job)?;
        }
        Ok(Landed::Yes)
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
            if self.sql.execute(statement, std::slice::from_ref(&job))? != 1 {
                return Ok(false);
            }
        }
        let lets_begin = decision.happening == Happening::Begin || (takes_slot && difference.begun == 1);
        if lets_begin {
            return Ok(self.sql.execute(BEGIN, &[job, difference.begun.into()])? == 1);
        }
        if !takes_slot && *difference != Counters::default() {
            self.sql.execute(
                COUNT,
                &[
                    job,
                    difference.waiting.into(),
                    difference.in_flight.into(),
                    difference.succeeded.into(),
                    difference.failed.into(),
                    difference.timed_out.into(),
                    difference.canceled.into(),
                    difference.skipped.into(),
                    difference.exposed.into(),
                    difference.begun.into(),
                ],
            )?;
        }
        Ok(true)
    }

    /// Ends or holds the job, if its counters say so. Its row is locked by the statement before.
    pub(crate) fn settle(&self, job: &str) -> Result<(), SqlError> {
        let sql = format!("SELECT {} FROM job j WHERE j.job = $1", JobRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[job.into()])?;
        let Some(row) = rows.first() else { return Ok(()) };
        let record = JobRecord::read(row, 0)?;
        let Some((state, because)) = record.rules().settle() else { return Ok(()) };
        self.sql.execute(SET_JOB_STATE, &[job.into(), state.as_str().into(), because.into()])?;
        self.append(&NewEvent {
            kind: state.as_str(),
            device: None,
            product: Some(record.product.as_str()),
            job: Some(job),
            actor: "gateway",
            detail: because,
        })
    }

    /// The parameters of [`UPDATE_TASK`].
    fn task_values(&self, view: &View, assignment: &Assignment, decision: &Decision<'_>) -> Vec<Value> {
        let (record, terms) = (&assignment.record, &assignment.job.terms);
        let (before, after) = (&record.task, &decision.change.task);
        let is_granted = after.attempt > before.attempt;
        let deadline = match decision.change.deadline {
            Deadline::Keep => record.deadline,
            Deadline::FirstSign => Some(view.now + terms.first_sign_within),
            Deadline::Upgrade => Some(view.now + terms.upgrade_timeout),
            Deadline::Confirm => Some(view.now + terms.confirm_within),
            Deadline::None => None,
        };
        let push_id =
            if is_granted && !after.signed { Some(self.new_push_id()) } else { record.push_id.clone() };
        let from = if is_granted { &view.device.version } else { &record.from };
        let (step, detail) = match decision.happening {
            Happening::Step(step) => (Some(i64::from(step)), decision.detail.map(str::to_owned)),
            Happening::Acknowledge if decision.detail.is_some() => {
                (record.step, decision.detail.map(str::to_owned))
            }
            _ if is_granted => (None, None),
            _ => (record.step, record.detail.clone()),
        };
        // A device that lapsed is reachable again only when it says so.
        let ready_until = if decision.happening == Happening::Due { 0 } else { record.ready_until };
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
            decision.change.reason.map(|reason| reason.to_string()).into(),
            push_id.into(),
            (view.now + if decision.is_carried { PUSH_AGAIN_AFTER } else { 0 }).into(),
            (if is_granted { view.now } else { record.granted_at }).into(),
            deadline.into(),
            after.state.is_ended().then_some(view.now).into(),
            ready_until.into(),
            i64::from(after.admitted).into(),
        ]
    }
}

/// How long the answer that carries a command is given before the sweep delivers it (ms).
const PUSH_AGAIN_AFTER: i64 = 2000;

const UPDATE_TASK: &str = "UPDATE task SET state = $7, attempt = $8, exposed = $9, begun = $10, signed = $11,
        offered = $12, downloaded = $13, returned = $14, refused = $15, from_version = $16, step = $17,
        stepped_at = $18, detail = $19, reason = $20, push_id = $21, push_at = $22, pushes = 0,
        granted_at = $23, deadline = $24, ended_at = $25, ready_until = $26, admitted = $27
    WHERE job = $1 AND device = $2 AND state = $3 AND attempt = $4 AND exposed = $5 AND begun = $6";

/// The first slot of a task: the loss budget (DESIGN §4).
const SLOT: &str = "UPDATE job SET exposed = exposed + 1, in_flight = in_flight + 1, waiting = waiting - 1
    WHERE job = $1 AND state = 'running' AND exposed < loss_budget + growth * succeeded / 1000
        AND in_flight < max_in_flight";
/// A task that is exposed already takes no second place in the budget.
const SLOT_AGAIN: &str = "UPDATE job SET in_flight = in_flight + 1, waiting = waiting - 1
    WHERE job = $1 AND state = 'running' AND in_flight < max_in_flight";
/// Lets begin: the row that stop locks, so stop and begin have an order; and the bound is read again,
/// since a revert may have moved it after the grant.
const BEGIN: &str = "UPDATE job SET begun = begun + $2
    WHERE job = $1 AND state = 'running' AND exposed <= loss_budget + growth * succeeded / 1000";
const COUNT: &str = "UPDATE job SET waiting = waiting + $2, in_flight = in_flight + $3,
        succeeded = succeeded + $4, failed = failed + $5, timed_out = timed_out + $6,
        canceled = canceled + $7, skipped = skipped + $8, exposed = exposed + $9, begun = begun + $10
    WHERE job = $1";
const VOID_OFFERS: &str = "UPDATE task SET offered = 0
    WHERE product = $1 AND device = $2 AND job <> $3 AND state = 'waiting' AND offered = 1";
const SET_JOB_STATE: &str = "UPDATE job SET state = $2, held_because = $3 WHERE job = $1";
