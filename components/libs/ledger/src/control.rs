//! What people do to a job: stop, pause, resume, amend, delete; and to its tasks: cancel, retry.

use ota_protocol::key::{DeviceId, DeviceKey};
use ota_rollout::job::{is_of_a_stage, is_of_losses};
use ota_rollout::{Counters, Forgiven, Happening, Job, JobState, Terms, apply};

use crate::decide::{Decision, Landed};
use crate::event::NewEvent;
use crate::record::JobRecord;
use crate::transaction::End;
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError, Value};

/// Why a job, or a task, stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// There is no such job.
    #[error("there is no job {0}")]
    NoJob(String),
    /// The job has no task of this device.
    #[error("device {0} is not in the job")]
    NoTask(DeviceKey),
    /// The job is in a state that does not allow it.
    #[error("the job is {}, {why}", state.as_str())]
    State {
        /// Its state.
        state: JobState,
        /// What would have to be otherwise.
        why: &'static str,
    },
    /// It would hold itself again at once.
    #[error("the job would hold again at once: {0}")]
    WouldHold(String),
    /// Its firmware, or one that devices must pass through, is damaged.
    #[error("its firmware is quarantined")]
    Quarantined,
    /// Devices are at work.
    #[error("{0} devices are at work")]
    AtWork(i64),
    /// The task is in a state that does not allow it.
    #[error("the task of device {device} is {}, {why}", state.as_str())]
    TaskState {
        /// Its device.
        device: DeviceKey,
        /// Its state.
        state: ota_rollout::TaskState,
        /// What would have to be otherwise.
        why: &'static str,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] SqlError),
}

impl Ledger<'_> {
    /// Stops the job: from here on no download begins. What began goes on to its verdict, unless the stop is `hard`:
    /// then running downloads are cut as well. Stopping one that has ended or stopped changes nothing, but that a soft
    /// stop can be made hard.
    pub fn stop_job(&self, id: &str, hard: bool) -> Result<JobRecord, NotChanged> {
        let statement = if hard { STOP_HARD } else { STOP };
        self.set_state(id, statement, if hard { "stopped hard" } else { "stopped" }, Some("stopped"))
    }

    /// Keeps the job from granting and from letting begin until it is resumed. One that was held keeps why it was.
    /// Pausing what neither runs nor holds changes nothing.
    pub fn pause_job(&self, id: &str) -> Result<JobRecord, NotChanged> {
        self.set_state(id, PAUSE, "paused", None)
    }

    fn set_state(
        &self,
        id: &str,
        statement: &str,
        kind: &str,
        message: Option<&str>,
    ) -> Result<JobRecord, NotChanged> {
        self.transaction(|| {
            // A job that does not run may be about to: whoever is told that it was stopped waits for a resume under way.
            self.lock_job(id)?;
            let has_changed = self.sql.execute(statement, &[id.into()])? == 1;
            let Some(job) = self.job(id)? else {
                return Ok(End::Rollback(Err(NotChanged::NoJob(id.to_owned()))));
            };
            if has_changed {
                self.append(&by_operator(&job, kind, None, message))?;
            }
            Ok(End::Commit(Ok(job)))
        })?
    }

    /// Lets a job that is held, paused or stopped run again.
    ///
    /// If it had held itself for its losses, those until then are forgiven, and the event says so: the gate judges what
    /// came after, a stage that it held for is passed. The budget forgives nothing. A pause, a stop, or a hold for another
    /// reason gives nothing to forgive: what was lost meanwhile, behind a hold too, may hold the job at once, and it takes
    /// another resume to accept that.
    pub fn resume_job(&self, id: &str) -> Result<JobRecord, NotChanged> {
        self.transaction(|| {
            // No firmware of it is quarantined meanwhile.
            self.lock_product_of(id)?;
            self.lock_job(id)?;
            let Some(job) = self.job(id)? else {
                return Ok(End::Rollback(Err(NotChanged::NoJob(id.to_owned()))));
            };
            if matches!(job.state, JobState::Running | JobState::Preparing) {
                return Ok(End::Rollback(Ok(job)));
            }
            if let Err(why) = self.may_resume(&job) {
                return Ok(End::Rollback(Err(why)));
            }
            let state = if job.filled_to.is_some() { JobState::Preparing } else { JobState::Running };
            let accepted = job.held_because.as_deref().filter(|why| is_of_losses(why));
            let forgiven = if accepted.is_some() { job.held } else { job.forgiven };
            let passes = accepted.is_some_and(is_of_a_stage)
                && job.rules().stage.is_some_and(|stage| stage.is_stuck());
            let values = [
                id.into(),
                state.as_str().into(),
                forgiven.lost.into(),
                forgiven.succeeded.into(),
                i64::from(passes).into(),
            ];
            self.sql.execute(&self.dialect.text(RESUME), &values)?;
            let detail = accepted.map(|why| format!("forgives what held it: {why}"));
            self.append(&by_operator(&job, "resumed", detail.as_deref(), None))?;
            Ok(End::Commit(self.settled(id)?.ok_or_else(|| NotChanged::NoJob(id.to_owned()))))
        })?
    }

    /// The job, once it has taken the state that its counters ask for.
    fn settled(&self, id: &str) -> Result<Option<JobRecord>, SqlError> {
        let Some(job) = self.job(id)? else { return Ok(None) };
        if job.rules().settle().is_none() {
            return Ok(Some(job));
        }
        self.take_state(&job)?;
        self.job(id)
    }

    /// Whether its firmware, or one that devices must pass through on the way, is quarantined.
    fn is_damaged(&self, job: &JobRecord) -> Result<bool, SqlError> {
        let key = [job.product.as_str().into(), job.to.as_str().into()];
        Ok(!self.sql.query(DAMAGED, &key)?.is_empty())
    }

    fn may_resume(&self, job: &JobRecord) -> Result<(), NotChanged> {
        let state = job.state;
        if !matches!(state, JobState::Held | JobState::Paused | JobState::Stopped) {
            return Err(NotChanged::State { state, why: "only one that is held, paused or stopped resumes" });
        }
        if self.is_damaged(job)? {
            return Err(NotChanged::Quarantined);
        }
        // Only the budget, then, which nobody can resume away: the gate judges a job that runs.
        let Counters { succeeded, .. } = job.counters;
        let forgiven = Forgiven { lost: job.counters.lost(), succeeded };
        let running = Job { state: JobState::Running, forgiven, stage: None, ..job.rules() };
        running.must_hold().map_or(Ok(()), |why| Err(NotChanged::WouldHold(why)))
    }

    /// Sets the terms of a job that has not ended: what `amend` makes of those that it has. Raising the budget opens
    /// slots at once; lowering it below what is exposed grants nothing more until devices have come back.
    pub fn amend_job(&self, id: &str, amend: impl FnOnce(Terms) -> Terms) -> Result<JobRecord, NotChanged> {
        self.transaction(|| {
            self.lock_job(id)?;
            let Some(job) = self.job(id)? else {
                return Ok(End::Rollback(Err(NotChanged::NoJob(id.to_owned()))));
            };
            let terms = amend(job.terms);
            if job.terms == terms {
                return Ok(End::Rollback(Ok(job)));
            }
            if job.state == JobState::Done {
                let why = "its terms no longer matter";
                return Ok(End::Rollback(Err(NotChanged::State { state: job.state, why })));
            }
            self.sql.execute(AMEND, &amended(id, &terms))?;
            self.append(&by_operator(&job, "amended", Some(&difference(&job.terms, &terms)), None))?;
            Ok(End::Commit(self.settled(id)?.ok_or_else(|| NotChanged::NoJob(id.to_owned()))))
        })?
    }

    /// Deletes a job that was stopped, or is done, and has nobody at work. What it exposed stays counted for its
    /// firmware; its other tasks are purged by the sweep.
    pub fn delete_job(&self, id: &str) -> Result<(), NotChanged> {
        self.transaction(|| {
            self.lock_job(id)?;
            let Some(job) = self.job(id)? else {
                return Ok(End::Rollback(Err(NotChanged::NoJob(id.to_owned()))));
            };
            if !matches!(job.state, JobState::Stopped | JobState::Done) {
                let why = "stop it before deleting it";
                return Ok(End::Rollback(Err(NotChanged::State { state: job.state, why })));
            }
            if job.counters.in_flight > 0 {
                return Ok(End::Rollback(Err(NotChanged::AtWork(job.counters.in_flight))));
            }
            self.sql.execute(DELETE, &[id.into()])?;
            self.append(&by_operator(&job, "job_deleted", Some(job.to.as_str()), None))?;
            Ok(End::Commit(Ok(())))
        })?
    }

    /// Takes a device out of the job: a task that waits or is at work is canceled, its link dies. One that has its
    /// verdict stays as it is.
    pub fn cancel_task(&self, job: &str, device: &DeviceKey) -> Result<(), NotChanged> {
        self.change_task(job, device, Happening::Cancel, "only one that waits or is at work is canceled")
    }

    /// Gives a device that failed, timed out or was canceled another try. A job that is done runs again; a stopped one
    /// must be resumed first.
    pub fn retry_task(&self, job: &str, device: &DeviceKey) -> Result<(), NotChanged> {
        self.change_task(
            job,
            device,
            Happening::Retry,
            "only one that failed, timed out or was canceled is retried",
        )
    }

    fn change_task(
        &self,
        job: &str,
        device: &DeviceKey,
        happening: Happening,
        why: &'static str,
    ) -> Result<(), NotChanged> {
        let Some(record) = self.job(job)? else { return Err(NotChanged::NoJob(job.to_owned())) };
        let id = DeviceId { product: record.product, device: device.clone() };
        self.transaction(|| {
            if happening == Happening::Retry {
                self.lock_product(&id.product)?;
            }
            self.lock(&id)?;
            let view = self.view_with(&id, job)?;
            let Some((view, assignment)) = view.as_ref().and_then(|view| Some((view, view.of(job)?))) else {
                return Ok(End::Rollback(Err(NotChanged::NoTask(device.clone()))));
            };
            if happening == Happening::Retry
                && let Err(why) = self.may_retry(view, assignment)
            {
                return Ok(End::Rollback(Err(why)));
            }
            let Ok(change) = apply(&assignment.record.task, happening, &assignment.job.terms.retry) else {
                return Ok(End::Rollback(Err(refused(assignment, why))));
            };
            let decision = Decision::by("operator", happening, change);
            if self.write(view, assignment, &decision)? != Landed::Yes {
                return Err(SqlError("the task changed in its own transaction".to_owned()));
            }
            if happening == Happening::Retry {
                self.run_again(&assignment.job)?;
            }
            Ok(End::Commit(Ok(())))
        })?
    }

    /// Whether the device may be given another try, whatever became of the last one.
    fn may_retry(&self, view: &View, assignment: &Assignment) -> Result<(), NotChanged> {
        let state = assignment.job.state;
        if matches!(state, JobState::Stopped | JobState::Deleted) {
            return Err(NotChanged::State { state, why: "resume it before retrying a task" });
        }
        if state == JobState::Done && self.is_damaged(&assignment.job)? {
            return Err(NotChanged::Quarantined);
        }
        if assignment.record.generation != view.device.generation {
            return Err(refused(assignment, "its hardware was replaced since"));
        }
        Ok(())
    }

    /// A job that was done when one of its tasks was given another try runs again.
    fn run_again(&self, job: &JobRecord) -> Result<(), SqlError> {
        let id = job.job.as_str();
        if job.state != JobState::Done || self.sql.execute(RUN_AGAIN, &[id.into()])? != 1 {
            return Ok(());
        }
        self.append(&by_operator(job, "resumed", None, None))?;
        // It may have no slot to give.
        match self.job(id)? {
            Some(running) => self.take_state(&running),
            None => Ok(()),
        }
    }
}

/// Its state does not allow it.
fn refused(assignment: &Assignment, why: &'static str) -> NotChanged {
    let record = &assignment.record;
    NotChanged::TaskState { device: record.id.device.clone(), state: record.task.state, why }
}

fn by_operator<'e>(
    job: &'e JobRecord,
    kind: &'e str,
    detail: Option<&'e str>,
    message: Option<&'e str>,
) -> NewEvent<'e> {
    let product = Some(job.product.as_str());
    NewEvent { kind, product, job: Some(&job.job), actor: "operator", detail, message, ..NewEvent::default() }
}

/// The parameters of [`AMEND`].
fn amended(id: &str, terms: &Terms) -> [Value; 13] {
    let retry = &terms.retry;
    [
        id.into(),
        terms.budget.loss_budget.into(),
        terms.budget.growth.into(),
        terms.max_failure_rate.into(),
        terms.max_in_flight.into(),
        terms.per_minute.into(),
        retry.attempts.into(),
        retry.backoff.into(),
        retry.reasons.bits().into(),
        terms.first_sign_within.into(),
        terms.upgrade_timeout.into(),
        terms.confirm_within.into(),
        terms.reachable_within.into(),
    ]
}

/// What an amendment changes, in words.
fn difference(before: &Terms, after: &Terms) -> String {
    let pairs = [
        ("loss_budget", before.budget.loss_budget, after.budget.loss_budget),
        ("growth", before.budget.growth, after.budget.growth),
        ("max_failure_rate", before.max_failure_rate, after.max_failure_rate),
        ("max_in_flight", before.max_in_flight, after.max_in_flight),
        ("per_minute", before.per_minute, after.per_minute),
        ("attempts", before.retry.attempts, after.retry.attempts),
        ("backoff", before.retry.backoff, after.retry.backoff),
        ("first_sign_within", before.first_sign_within, after.first_sign_within),
        ("upgrade_timeout", before.upgrade_timeout, after.upgrade_timeout),
        ("confirm_within", before.confirm_within, after.confirm_within),
        ("reachable_within", before.reachable_within, after.reachable_within),
    ];
    let changed = pairs.iter().filter(|(_, before, after)| before != after);
    let mut words: Vec<String> =
        changed.map(|(name, before, after)| format!("{name} {before} to {after}")).collect();
    if before.retry.reasons != after.retry.reasons {
        words.push(format!("reasons {} to {}", before.retry.reasons, after.retry.reasons));
    }
    words.join(", ")
}

/// Why the job was held stays with it, until it is resumed.
const STOP: &str = "UPDATE job SET state = 'stopped'
    WHERE job = $1 AND state IN ('preparing', 'running', 'held', 'paused')";
const STOP_HARD: &str = "UPDATE job SET state = 'stopped', hard = 1
    WHERE job = $1 AND (state IN ('preparing', 'running', 'held', 'paused')
        OR (state = 'stopped' AND hard = 0))";
const PAUSE: &str = "UPDATE job SET state = 'paused'
    WHERE job = $1 AND state IN ('preparing', 'running', 'held')";
const RESUME: &str = "UPDATE job SET state = $2, hard = 0, held_because = NULL, look_at = starts_at,
        forgiven_lost = $3, forgiven_succeeded = $4,
        stage_passed_at = CASE WHEN CAST($5 AS BIGINT) = 1 THEN {now} ELSE stage_passed_at END
    WHERE job = $1";
const DAMAGED: &str = "SELECT 1 FROM firmware h JOIN firmware g ON g.product = h.product
    WHERE h.product = $1 AND g.version = $2 AND h.quarantined_at IS NOT NULL
        AND (h.sequence = g.sequence OR (h.must_pass = 1 AND h.sequence < g.sequence)) LIMIT 1";
const AMEND: &str = "UPDATE job SET loss_budget = $2, growth = $3, max_failure_rate = $4, max_in_flight = $5,
        per_minute = $6, attempts = $7, backoff = $8, retry_reasons = $9, first_sign_within = $10,
        upgrade_timeout = $11, confirm_within = $12, reachable_within = $13
    WHERE job = $1";
/// Its tasks are purged from the first device on.
const DELETE: &str = "UPDATE job SET state = 'deleted', filled_to = '' WHERE job = $1";
const RUN_AGAIN: &str =
    "UPDATE job SET state = 'running', held_because = NULL WHERE job = $1 AND state = 'done'";
