//! One decision as the ledger's transaction makes it, over the model's rows (components/libs/ledger: `decide`, and
//! before it `download`, `grant`, `inform`, `progress`, `sweep`, `control`).
//!
//! A transaction reads its task again under the device's lock, and ends with conditional statements on the job's row,
//! which it holds until it commits. So it is one step of the model. What a task becomes, what the budget allows and when
//! a job ends is not written here: it is `ota-rollout`'s, the very functions that the ledger calls.

use ota_rollout::rules::Change;
use ota_rollout::{
    Budget, Counters, Forgiven, Happening, Job, JobState, Mode, Retry, Task, TaskState, Terms, apply,
};

use crate::promise::{Broken, broken};
use crate::state::{Intent, JobRow, State};

/// A job as its operator created it.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// What it may spend.
    pub budget: Budget,
    /// Devices at work at once.
    pub max_in_flight: i64,
    /// Its retries.
    pub retry: Retry,
    /// Who starts an update.
    pub mode: Mode,
}

/// What the ledger that ships does; without any one of these a promise breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A first slot is taken only below the bound.
    SlotReadsBound,
    /// A begin asks the job's row.
    BeginReadsJob,
    /// A begin asks the job's row for the bound again, which a revert may have moved since the grant.
    BeginReadsBound,
    /// A report on an offer takes its slot and is let begin by the job's row in one, also at a second try.
    EachTryBegins,
    /// What waits for another try stays exposed.
    RetryKeepsExposure,
    /// A job that runs again, because a person retries a device of it, holds itself if it has no slot to give.
    RetrySettles,
    /// A device at work for one job is told nothing by another.
    OneLiveTask,
}

/// How a transaction ends.
pub(crate) enum End<const J: usize, const D: usize> {
    /// It is written, and broke a promise or none.
    Commit(Box<State<J, D>>),
    /// Nothing is written: the job lets nobody begin now, for want of budget alone.
    Later,
    /// Nothing is written.
    Rollback,
}

/// The ledger of a model.
#[derive(Debug, Clone, Copy)]
pub struct Ledger {
    /// Its jobs, all alike.
    pub order: Order,
    /// What it fails to do.
    pub lacks: Option<Rule>,
}

impl Ledger {
    /// Whether a handler that reads `state` finds that `intent` would change something.
    pub(crate) fn may_intend<const J: usize, const D: usize>(
        &self,
        state: &State<J, D>,
        intent: &Intent,
    ) -> bool {
        let (job, task) = (state.job(intent.job), state.task(intent.job, intent.device));
        let runs = job.state == JobState::Running;
        let is_asked = match intent.happening {
            Happening::Grant => self.order.mode == Mode::Push && runs && (task.exposed || self.has_slot(job)),
            Happening::Offer => {
                self.order.mode == Mode::Request && runs && (task.exposed || self.has_slot(job))
            }
            Happening::Begin => runs,
            _ => true,
        };
        is_asked && self.is_open(state, intent) && apply(task, intent.happening, &self.order.retry).is_ok()
    }

    /// The transaction of `intent`.
    pub(crate) fn transact<const J: usize, const D: usize>(
        &self,
        state: &State<J, D>,
        intent: &Intent,
    ) -> End<J, D> {
        let (job, before) = (state.job(intent.job), state.task(intent.job, intent.device));
        if !self.is_open(state, intent) {
            return End::Rollback;
        }
        let Ok(mut change) = apply(before, intent.happening, &self.order.retry) else { return End::Rollback };
        if !self.keeps(Rule::RetryKeepsExposure) && matches!(change.event, "retrying" | "retried") {
            change.task.exposed = false;
        }
        let Some(counters) = self.count(job, intent.happening, before, &change) else {
            let is_later = intent.happening == Happening::Begin && job.state == JobState::Running;
            return if is_later { End::Later } else { End::Rollback };
        };
        let mut row = self.settled(JobRow { counters, ..*job }, before, &change);
        if intent.happening == Happening::Retry && row.state == JobState::Done {
            row.state = JobState::Running;
            row = if self.keeps(Rule::RetrySettles) { self.settle(row) } else { row };
        }
        let mut after = state.with_task(intent.job, intent.device, change.task).with_job(intent.job, row);
        if before.state == TaskState::Waiting && before.offered && change.task.state.is_live() {
            after.void_offers(intent.job, intent.device);
        }
        after.broken = self.broken(&after, intent.job, job.state, before, &change);
        End::Commit(Box::new(after))
    }

    /// Whether the transaction finds the task that it is about, in a state in which it goes on: the link is that of the
    /// live attempt or of the offer, the job runs, the device is free.
    fn is_open<const J: usize, const D: usize>(&self, state: &State<J, D>, intent: &Intent) -> bool {
        let (job, task) = (state.job(intent.job), state.task(intent.job, intent.device));
        let is_free = !self.keeps(Rule::OneLiveTask) || !state.is_live_elsewhere(intent.job, intent.device);
        let is_waiting = task.state == TaskState::Waiting;
        let runs = job.state == JobState::Running;
        match intent.happening {
            Happening::Begin | Happening::Refuse | Happening::Resume | Happening::Complete => {
                let is_current = task.state.is_live() && task.attempt == intent.link;
                let is_offer = is_waiting && task.offered && task.attempt + 1 == intent.link && is_free;
                is_current || is_offer
            }
            Happening::Grant => is_free && runs,
            Happening::Offer => is_free,
            // A report is about the live task of its device, if there is one.
            Happening::Step(_) => is_free || task.state.is_live(),
            // A device that waits for its next attempt does not time out while the job keeps it waiting.
            Happening::Due => !is_waiting || task.backing_off || runs,
            Happening::Retry => job.state != JobState::Stopped,
            _ => true,
        }
    }

    /// The job's counters after its conditional statements; `None` when one changes no row.
    fn count(&self, job: &JobRow, happening: Happening, before: &Task, change: &Change) -> Option<Counters> {
        let difference = Counters::difference(before, &change.task);
        let mut counters = job.counters;
        let takes_slot = before.state == TaskState::Waiting && difference.in_flight == 1;
        if takes_slot {
            let is_first = difference.exposed == 1;
            let has_place = job.state == JobState::Running && counters.in_flight < self.order.max_in_flight;
            if !has_place || (is_first && !self.has_slot(job)) {
                return None;
            }
            counters.exposed += i64::from(is_first);
            counters.in_flight += 1;
            counters.waiting -= 1;
            counters.retrying += difference.retrying;
        }
        let is_let_begin =
            if self.keeps(Rule::EachTryBegins) { change.task.admitted } else { difference.begun == 1 };
        if happening == Happening::Begin || (takes_slot && is_let_begin) {
            let runs = job.state == JobState::Running;
            let is_within = self.order.budget.may_begin(counters.exposed, counters.succeeded);
            let may_begin = runs && (is_within || !self.keeps(Rule::BeginReadsBound));
            counters.begun += difference.begun;
            return (may_begin || !self.keeps(Rule::BeginReadsJob)).then_some(counters);
        }
        Some(if takes_slot { counters } else { plus(&counters, &difference) })
    }

    fn keeps(&self, rule: Rule) -> bool {
        self.lacks != Some(rule)
    }

    fn has_slot(&self, job: &JobRow) -> bool {
        let Counters { exposed, succeeded, .. } = job.counters;
        !self.keeps(Rule::SlotReadsBound) || self.order.budget.has_slot(exposed, succeeded)
    }

    /// The job after it ended or held itself, if the change made it.
    fn settled(&self, row: JobRow, before: &Task, change: &Change) -> JobRow {
        let difference = Counters::difference(before, &change.task);
        let has_ended = difference.in_flight < 0 || (difference.waiting < 0 && difference.in_flight == 0);
        if has_ended || difference.succeeded != 0 || difference.retrying < 0 { self.settle(row) } else { row }
    }

    fn settle(&self, row: JobRow) -> JobRow {
        self.job(row).settle().map_or(row, |(state, _)| JobRow { state, ..row })
    }

    /// The job of `row` as the rules see it: all that was lost is forgiven, and there is one stage, so that the budget
    /// alone keeps the promise.
    fn job(&self, row: JobRow) -> Job {
        let counters = row.counters;
        Job {
            state: row.state,
            budget: self.order.budget,
            max_failure_rate: Terms::DEFAULT.max_failure_rate,
            counters,
            forgiven: Forgiven { lost: counters.lost(), succeeded: counters.succeeded },
            is_incremental: false,
            stage: None,
        }
    }

    /// A person stops the job: one statement on its row.
    pub(crate) fn stop(row: JobRow) -> Option<JobRow> {
        let may_stop = matches!(row.state, JobState::Running | JobState::Held);
        may_stop.then_some(JobRow { state: JobState::Stopped, ..row })
    }

    /// A person resumes the job, unless it would hold again at once.
    pub(crate) fn resume(&self, row: JobRow) -> Option<JobRow> {
        let running = JobRow { state: JobState::Running, ..row };
        let may_resume = matches!(row.state, JobState::Stopped | JobState::Held);
        (may_resume && self.job(running).must_hold().is_none()).then(|| self.settle(running))
    }

    fn broken<const J: usize, const D: usize>(
        &self,
        after: &State<J, D>,
        job: usize,
        stood: JobState,
        before: &Task,
        change: &Change,
    ) -> Option<Broken> {
        let bound = self.order.budget.bound(after.job(job).counters.succeeded);
        broken(after.tasks_of(job), bound, stood, before, change)
    }
}

/// The sum of two counts.
pub(crate) fn plus(one: &Counters, other: &Counters) -> Counters {
    Counters {
        waiting: one.waiting + other.waiting,
        in_flight: one.in_flight + other.in_flight,
        succeeded: one.succeeded + other.succeeded,
        failed: one.failed + other.failed,
        timed_out: one.timed_out + other.timed_out,
        canceled: one.canceled + other.canceled,
        skipped: one.skipped + other.skipped,
        exposed: one.exposed + other.exposed,
        begun: one.begun + other.begun,
        retrying: one.retrying + other.retrying,
    }
}
