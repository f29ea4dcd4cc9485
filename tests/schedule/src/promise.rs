//! The promises, and what breaks each. Mutations of the ledger are caught by their names.
//!
//! Longer than 400 lines because each promise stands beside the others that it leans on.
//!
//! | name | what it says | what it catches |
//! |---|---|---|
//! | `bound` | at a commit that exposes one more device, or lets one more begin, exposed ≤ loss budget + ⌊growth × succeeded / 1000⌋ by the terms of that moment | a slot or a begin without its condition |
//! | `slot` | a device is set to work only while its job runs, in a stage that is open, with no more at work than may be | a second slot without its condition |
//! | `one_live_task` | a device is at work for one job at most | a missing index or lock |
//! | `counters` | what a job's row counts is what its tasks are, its open stage too | a change that is not counted, or twice |
//! | `job` | a job that holds, was paused or was stopped runs again by a person's word only; one that is done, by an operator's retry; one that was deleted, never | a hold, or a state read too early, that is written over a stop |
//! | `stop` | a download begins only while its job runs, and none after a stop or a pause was answered until the job runs again; after a hard stop nothing is served | a stop that is ignored, a begin without the job's row |
//! | `link` | a download is served only to the hardware and the attempt that was let begin, and that has no verdict | a link that outlives its attempt |
//! | `verdict` | a verdict changes by a late success, a revert, a hop passed late, or an operator's retry; who succeeds had begun | an attempt that comes back from the dead, a success that was none |
//! | `exposure` | a task that began is un-exposed by its device (same generation) informing the target or a hop, and by nothing else | an un-exposing retry, cancel or replacement; a generation that is ignored |
//! | `ends` | once nobody says anything more, every task ends, or waits without being exposed; what can do nothing more holds or is done | a deadline that is lost, a task that nobody can reach |

use std::collections::{BTreeMap, BTreeSet};

use ota_protocol::link::Link;
use ota_rollout::{Budget, Counters, JobState, TaskState};

use crate::call::Call;
use crate::ground::HOP;
use crate::snapshot::{JobRow, Snapshot, TaskRow};

/// How long a success may still be reverted (ms).
const REVERT_WITHIN: i64 = 86_400_000;

/// A promise that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
}

impl Broken {
    pub(crate) fn new(promise: &'static str, what: impl Into<String>) -> Self {
        Self { promise, what: what.into() }
    }
}

/// What was committed last, and what was promised to whom.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Snapshot,
    /// How often each job was seen to begin running.
    runs: BTreeMap<String, u64>,
    /// The jobs of which an operator was told that they do not run.
    stopped: BTreeSet<String>,
}

impl Watch {
    pub(crate) fn new(seen: Snapshot) -> Self {
        Self { seen, ..Self::default() }
    }

    pub(crate) fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// How often the job was seen to begin running.
    pub(crate) fn runs(&self, job: &str) -> u64 {
        self.runs.get(job).copied().unwrap_or(0)
    }

    /// An operator was told that `job` does not run; what he was told was committed when it had run so often.
    pub(crate) fn stop_answered(&mut self, job: &str, runs: u64) {
        if self.runs(job) == runs {
            self.stopped.insert(job.to_owned());
        }
    }

    /// `cause` may have committed: holds what is committed now against the promises.
    pub(crate) fn look(&mut self, now: Snapshot, cause: &Call) -> Result<bool, Broken> {
        if now.is_like(&self.seen) {
            return Ok(false);
        }
        one_live_task(&now)?;
        for (id, job) in &now.jobs {
            counters(&now, id, job)?;
            if let Some(before) = self.seen.jobs.get(id).filter(|before| before.state != job.state) {
                moves(id, before.state, job.state, cause)?;
            }
        }
        for (key, after) in &now.tasks {
            let job = now.jobs.get(&key.0).ok_or_else(|| Broken::new("counters", "a task without a job"))?;
            let changed = Changed { key, before: self.seen.tasks.get(key), after, job, now: &now, cause };
            changed.bound()?;
            changed.slot()?;
            changed.stop(self.stopped.contains(&key.0))?;
            changed.verdict()?;
            changed.exposure()?;
        }
        for (key, before) in self.seen.tasks.iter().filter(|(key, _)| !now.tasks.contains_key(*key)) {
            forgotten(&now, key, before)?;
        }
        for (id, _) in now.jobs.iter().filter(|(_, job)| job.state == JobState::Running) {
            if self.seen.jobs.get(id).is_none_or(|before| before.state != JobState::Running) {
                *self.runs.entry(id.clone()).or_default() += 1;
                self.stopped.remove(id);
            }
        }
        self.seen = now;
        Ok(true)
    }

    /// A download of `link` was answered with bytes.
    pub(crate) fn served(&self, link: &Link) -> Result<(), Broken> {
        let (job, device) = (&link.task, link.device.device.as_str());
        let row = self.seen.tasks.get(&(job.clone(), device.to_owned()));
        let hardware = self.seen.devices.get(device).map(|device| device.generation);
        let is_let_begin = row.is_some_and(|row| {
            let task = &row.task;
            task.admitted
                && task.state.is_live()
                && task.attempt == link.attempt
                && hardware == Some(row.generation)
        });
        if self.seen.jobs.get(job).is_some_and(|job| job.is_hard) {
            return Err(Broken::new("stop", format!("{device} is served though job {job} was stopped hard")));
        }
        if is_let_begin {
            return Ok(());
        }
        let what =
            format!("attempt {} of {device} in job {job} is served, though it is {row:?}", link.attempt);
        Err(Broken::new("link", what))
    }

    /// Nobody says anything more, and the sweep has nothing left to do.
    pub(crate) fn ends(&self) -> Result<(), Broken> {
        for ((job, device), row) in &self.seen.tasks {
            let state = row.task.state;
            let stands = format!("{device} in job {job} is {}", state.as_str());
            if state.is_live() {
                return Err(Broken::new("ends", stands));
            }
            let runs = self.seen.jobs.get(job).is_some_and(|job| job.state == JobState::Running);
            if state != TaskState::Waiting || !runs {
                continue;
            }
            if row.task.exposed {
                return Err(Broken::new("ends", format!("{stands}, exposed, and its job runs")));
            }
            if self.seen.devices.get(device).is_none_or(|device| device.generation != row.generation) {
                return Err(Broken::new("ends", format!("{stands}, and its hardware is gone")));
            }
        }
        self.seen.jobs.iter().filter(|(_, job)| job.state == JobState::Running).try_for_each(can_go_on)
    }
}

/// A running job has somebody to wait for, and room for him.
fn can_go_on((id, job): (&String, &JobRow)) -> Result<(), Broken> {
    let counters = &job.counters;
    let what = if counters.waiting == 0 && !job.is_incremental {
        "has nobody to wait for, and is not done"
    } else if counters.waiting > 0 && counters.exposed >= job.budget.bound(counters.succeeded) {
        "has spent its budget, and is not held"
    } else {
        return Ok(());
    };
    Err(Broken::new("ends", format!("job {id} runs, {what}: {counters:?}")))
}

/// A job comes to another state.
fn moves(id: &str, from: JobState, to: JobState, cause: &Call) -> Result<(), Broken> {
    let may = match (from, to) {
        (JobState::Deleted, _)
        | (JobState::Preparing | JobState::Running | JobState::Held, JobState::Deleted) => false,
        (_, JobState::Deleted) => matches!(cause, Call::DeleteJob(_)),
        (JobState::Done, _) => matches!(cause, Call::Retry(..)),
        (_, JobState::Stopped) => matches!(cause, Call::Stop(..)),
        (_, JobState::Paused) => matches!(cause, Call::Pause(_)),
        (JobState::Held | JobState::Paused, JobState::Done)
        | (JobState::Preparing | JobState::Running, _) => true,
        (JobState::Held | JobState::Paused | JobState::Stopped, _) => matches!(cause, Call::Resume(_)),
    };
    if may {
        return Ok(());
    }
    let what = format!("job {id} comes from {} to {} by `{cause}`", from.as_str(), to.as_str());
    Err(Broken::new("job", what))
}

fn one_live_task(now: &Snapshot) -> Result<(), Broken> {
    let mut live = BTreeSet::new();
    for ((job, device), _) in now.tasks.iter().filter(|(_, row)| row.task.state.is_live()) {
        if !live.insert(device) {
            return Err(Broken::new(
                "one_live_task",
                format!("{device} is at work for job {job} and another"),
            ));
        }
    }
    Ok(())
}

fn counters(now: &Snapshot, id: &str, job: &JobRow) -> Result<(), Broken> {
    let mut counted = Counters::default();
    let mut stage = [job.stage[0], 0, 0, 0];
    let mut devices = 0;
    for (_, row) in now.tasks_of(id) {
        counted = plus(&counted, &Counters::of(&row.task));
        devices += 1;
        if row.stage == job.stage[0] {
            let has_arrived = matches!(row.task.state, TaskState::Succeeded | TaskState::Skipped);
            stage[1] += 1;
            stage[2] += i64::from(has_arrived);
            stage[3] += i64::from(row.task.state.is_ended());
        }
    }
    // Of a job that was deleted, only what it exposed is kept.
    let is_right = if job.state == JobState::Deleted {
        job.counters.exposed == counted.exposed
    } else {
        job.counters == counted && job.devices == devices && job.stage == stage
    };
    if is_right {
        return Ok(());
    }
    let (says, stands) = (job.counters, job.stage);
    let what = format!(
        "job {id} says {} devices, {says:?}, stage {stands:?}; counted {devices}, {counted:?}, stage {stage:?}",
        job.devices
    );
    Err(Broken::new("counters", what))
}

fn plus(a: &Counters, b: &Counters) -> Counters {
    Counters {
        waiting: a.waiting + b.waiting,
        in_flight: a.in_flight + b.in_flight,
        succeeded: a.succeeded + b.succeeded,
        failed: a.failed + b.failed,
        timed_out: a.timed_out + b.timed_out,
        canceled: a.canceled + b.canceled,
        skipped: a.skipped + b.skipped,
        exposed: a.exposed + b.exposed,
        begun: a.begun + b.begun,
        retrying: a.retrying + b.retrying,
    }
}

/// A task that is gone: its job was deleted, and it was not exposed.
fn forgotten(now: &Snapshot, key: &(String, String), before: &TaskRow) -> Result<(), Broken> {
    let is_deleted = now.jobs.get(&key.0).is_some_and(|job| job.state == JobState::Deleted);
    if is_deleted && !before.task.exposed {
        return Ok(());
    }
    Err(Broken::new("exposure", format!("the task of {} in job {} is gone: {before:?}", key.1, key.0)))
}

/// One task across a commit.
struct Changed<'c> {
    key: &'c (String, String),
    before: Option<&'c TaskRow>,
    after: &'c TaskRow,
    job: &'c JobRow,
    now: &'c Snapshot,
    cause: &'c Call,
}

impl Changed<'_> {
    fn broken(&self, promise: &'static str, why: &str) -> Broken {
        let (job, device) = self.key;
        Broken::new(
            promise,
            format!(
                "{why}: {device} in job {job}, by `{}`, from {:?} to {:?}",
                self.cause, self.before, self.after
            ),
        )
    }

    /// Whether it was let begin a download by this commit.
    fn begins(&self) -> bool {
        let (task, was_admitted) = (&self.after.task, self.before.is_some_and(|row| row.task.admitted));
        let is_another = self.before.is_none_or(|row| row.task.attempt != task.attempt);
        task.admitted && (!was_admitted || is_another)
    }

    fn is_reverted(&self) -> bool {
        let was = self.before.map(|row| row.task.state);
        was == Some(TaskState::Succeeded) && self.after.task.state == TaskState::Failed
    }

    fn bound(&self) -> Result<(), Broken> {
        let was_exposed = self.before.is_some_and(|row| row.task.exposed);
        let is_exposed = self.after.task.exposed && !was_exposed && !self.is_reverted();
        if !is_exposed && !self.begins() {
            return Ok(());
        }
        let tasks = || self.now.tasks_of(&self.key.0).map(|(_, row)| row.task);
        let exposed = i64::try_from(tasks().filter(|task| task.exposed).count()).unwrap_or(i64::MAX);
        let succeeded = tasks().filter(|task| task.state == TaskState::Succeeded && task.begun).count();
        // Reckoned here and not by the ledger's own code: that is what is tried.
        let Budget { loss_budget, growth } = self.job.budget;
        let bound = loss_budget + growth * i64::try_from(succeeded).unwrap_or(0) / 1000;
        if exposed <= bound {
            return Ok(());
        }
        let what = if is_exposed { "exposes" } else { "lets begin" };
        Err(self.broken("bound", &format!("{what} one more with {exposed} exposed of {bound}")))
    }

    fn slot(&self) -> Result<(), Broken> {
        let was_live = self.before.is_some_and(|row| row.task.state.is_live());
        if was_live || !self.after.task.state.is_live() {
            return Ok(());
        }
        if self.job.state != JobState::Running {
            let why = format!("a device is set to work while the job is {}", self.job.state.as_str());
            return Err(self.broken("slot", &why));
        }
        let [open, ..] = self.job.stage;
        if self.after.stage > open {
            let why = format!("a device of stage {} is set to work in stage {open}", self.after.stage);
            return Err(self.broken("slot", &why));
        }
        let at_work = self.now.tasks_of(&self.key.0).filter(|(_, row)| row.task.state.is_live()).count();
        if i64::try_from(at_work).is_ok_and(|at_work| at_work > self.job.max_in_flight) {
            let why = format!("{at_work} devices are at work, {} may be", self.job.max_in_flight);
            return Err(self.broken("slot", &why));
        }
        Ok(())
    }

    fn stop(&self, is_stopped: bool) -> Result<(), Broken> {
        if !self.begins() {
            return Ok(());
        }
        if is_stopped {
            return Err(self.broken("stop", "a download begins after the stop was answered"));
        }
        if self.job.state != JobState::Running {
            let why = format!("a download begins while the job is {}", self.job.state.as_str());
            return Err(self.broken("stop", &why));
        }
        Ok(())
    }

    /// The version that its own device informed last, if it is the hardware that the task is of; a sweep may be the
    /// first to draw the conclusion.
    fn informed(&self) -> Option<&str> {
        let device = self.now.devices.get(&self.key.1).filter(|it| it.generation == self.after.generation)?;
        let is_its_own = match self.cause {
            Call::Inform(heard, _) => heard.id.device.as_str() == self.key.1,
            Call::Sweep(_) => true,
            _ => false,
        };
        device.version.as_deref().filter(|_| is_its_own)
    }

    fn informs_target(&self) -> bool {
        self.informed() == Some(self.job.to.as_str())
    }

    fn informs_other(&self) -> bool {
        self.informed().is_some_and(|version| version != self.job.to)
    }

    /// Whether its device informs that it is on the firmware that it has to pass through: no sweep concludes that.
    fn informs_hop(&self) -> bool {
        matches!(self.cause, Call::Inform(..)) && self.informed() == Some(HOP)
    }

    fn verdict(&self) -> Result<(), Broken> {
        let Some(before) = self.before else { return Ok(()) };
        let (was, is) = (&before.task, &self.after.task);
        let succeeds = is.state == TaskState::Succeeded && was.state != TaskState::Succeeded;
        if succeeds && !was.begun {
            return Err(self.broken("verdict", "a device succeeds that never began"));
        }
        if !was.state.is_ended() || (was == is && before.reason == self.after.reason) {
            return Ok(());
        }
        let is_allowed = match (was.state, is.state) {
            (TaskState::Failed | TaskState::TimedOut | TaskState::Canceled, TaskState::Succeeded) => {
                was.begun && self.informs_target()
            }
            (TaskState::Succeeded, TaskState::Failed) => {
                // By the clock when it was decided: it may go on before the commit.
                let [ended_at, decided_at] =
                    [before.ended_at, self.after.ended_at].map(Option::unwrap_or_default);
                self.informs_other()
                    && self.after.reason.as_deref() == Some("reverted")
                    && decided_at <= self.now.now
                    && decided_at - ended_at < REVERT_WITHIN
            }
            (TaskState::Failed | TaskState::TimedOut | TaskState::Canceled, TaskState::Waiting) => {
                matches!(self.cause, Call::Retry(job, id)
                    if *job == self.key.0 && id.device.as_str() == self.key.1)
            }
            (was_state, is_state) if was_state == is_state => {
                was.exposed && !is.exposed && self.informs_hop() && before.reason == self.after.reason
            }
            _ => false,
        };
        if is_allowed { Ok(()) } else { Err(self.broken("verdict", "a verdict changes")) }
    }

    fn exposure(&self) -> Result<(), Broken> {
        let Some(before) = self.before else { return Ok(()) };
        let (was, is) = (&before.task, &self.after.task);
        let is_taken_back = was.exposed && was.begun && !is.exposed;
        if is_taken_back {
            let came_back = is.state == TaskState::Succeeded && self.informs_target();
            let passed_hop = !is.begun && self.informs_hop();
            if !came_back && !passed_hop {
                return Err(self.broken("exposure", "a task that began is no longer exposed"));
            }
        }
        let is_hidden = is.begun && !is.exposed && is.state != TaskState::Succeeded;
        if is_hidden || (is.state.is_live() && !is.exposed) {
            return Err(self.broken("exposure", "a device at risk is not exposed"));
        }
        Ok(())
    }
}
