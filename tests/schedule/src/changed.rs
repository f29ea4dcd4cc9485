//! One task across a commit, held against the promises that are about one task.

use std::collections::BTreeSet;

use ota_rollout::{JobState, TaskState};

use crate::call::Call;
use crate::cause::Cause;
use crate::device::Device;
use crate::ground::HOP;
use crate::promise::Broken;
use crate::snapshot::{JobRow, Snapshot, TaskKey, TaskRow};

/// How long a success may still be reverted (ms).
const REVERT_WITHIN: i64 = 86_400_000;

/// One task across a commit.
#[derive(Debug)]
pub(crate) struct Changed<'c> {
    pub(crate) key: &'c TaskKey,
    pub(crate) before: Option<&'c TaskRow>,
    pub(crate) after: &'c TaskRow,
    pub(crate) job: &'c JobRow,
    pub(crate) now: &'c Snapshot,
    pub(crate) cause: Cause<'c>,
    /// The device as it really is.
    pub(crate) device: Option<&'c Device>,
}

impl Changed<'_> {
    fn broken(&self, promise: &'static str, why: &str) -> Broken {
        let (job, device, _) = self.key;
        Broken::new(
            promise,
            format!(
                "{why}: {device} in job {job}, by `{}`, from {:?} to {:?}",
                self.cause.call, self.before, self.after
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

    pub(crate) fn bound(&self) -> Result<(), Broken> {
        let was_exposed = self.before.is_some_and(|row| row.task.exposed);
        let is_exposed = self.after.task.exposed && !was_exposed && !self.is_reverted();
        if !is_exposed && !self.begins() {
            return Ok(());
        }
        let tasks = || self.now.tasks_of(&self.key.0).map(|(_, row)| row.task);
        let exposed = i64::try_from(tasks().filter(|task| task.exposed).count()).unwrap_or(i64::MAX);
        let succeeded = tasks().filter(|task| task.state == TaskState::Succeeded && task.begun).count();
        // Reckoned here and not by the ledger's own code: that is what is tried.
        let bound = self.job.bound(i64::try_from(succeeded).unwrap_or(0));
        if exposed <= bound {
            return Ok(());
        }
        let what = if is_exposed { "exposes" } else { "lets begin" };
        Err(self.broken("bound", &format!("{what} one more with {exposed} exposed of {bound}")))
    }

    fn is_set_to_work(&self) -> bool {
        let was_live = self.before.is_some_and(|row| row.task.state.is_live());
        !was_live && self.after.task.state.is_live()
    }

    pub(crate) fn slot(&self) -> Result<(), Broken> {
        if !self.is_set_to_work() {
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
        // By the clock when it was decided, which may go on before the commit. What a device's word sets to work is dated
        // by the word: then it is decided at some time of the call.
        let granted_at = self.after.granted_at;
        let moments = match self.cause.call {
            Call::Progress(..) => vec![self.cause.looked_at, self.now.now],
            _ => vec![granted_at],
        };
        let is_open = |moment: &i64| self.job.schedule().opens_at(*moment).is_none();
        if granted_at > self.now.now || !moments.iter().any(is_open) {
            let why =
                format!("a device is set to work at {granted_at}, in no window of {}", self.job.windows);
            return Err(self.broken("slot", &why));
        }
        let at_work = self.now.tasks_of(&self.key.0).filter(|(_, row)| row.task.state.is_live()).count();
        if i64::try_from(at_work).is_ok_and(|at_work| at_work > self.job.max_in_flight) {
            let why = format!("{at_work} devices are at work, {} may be", self.job.max_in_flight);
            return Err(self.broken("slot", &why));
        }
        Ok(())
    }

    pub(crate) fn served(&self, quarantined: &BTreeSet<String>) -> Result<(), Broken> {
        if self.is_set_to_work() && quarantined.contains(&self.job.to) {
            return Err(self.broken("served", "a device is set to work for a firmware that is quarantined"));
        }
        Ok(())
    }

    pub(crate) fn stop(&self, is_stopped: bool) -> Result<(), Broken> {
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
        let device = self.now.devices.get(&self.key.1).filter(|it| it.generation == self.key.2)?;
        let is_sweep = matches!(self.cause.call, Call::Sweep(_));
        let is_its_own = is_sweep || self.cause.informs(&self.key.1).is_some();
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
        matches!(self.cause.call, Call::Inform(..)) && self.informed() == Some(HOP)
    }

    /// Whether the ledger could know when its device said `version`, which the change goes by.
    fn is_known(&self, version: &str) -> bool {
        match self.cause.informs(&self.key.1) {
            Some(said) => {
                // Other hardware, in the very millisecond in which this one began.
                let is_at_once = said.generation != self.key.2 && said.at >= self.after.begun_at;
                self.cause.could_know(said) && !is_at_once
            }
            None => !self.device.is_some_and(|device| device.is_blurred(version)),
        }
    }

    /// Whether its device really ran `version` since it last began, as far as could be known.
    fn has_really_run(&self, version: &str) -> bool {
        let has_run = |device: &Device| device.has_run(self.key.2, version, self.after.begun_at);
        !self.is_known(version) || self.device.is_none_or(has_run)
    }

    /// Whether its device really ran something else than the target since `ended_at` (ms), as far as could be known.
    fn has_really_left(&self, ended_at: i64) -> bool {
        let has_left = |device: &Device| device.has_left(self.key.2, &self.job.to, ended_at);
        !self.informed().is_some_and(|version| self.is_known(version)) || self.device.is_none_or(has_left)
    }

    pub(crate) fn verdict(&self) -> Result<(), Broken> {
        let Some(before) = self.before else { return Ok(()) };
        let (was, is) = (&before.task, &self.after.task);
        let succeeds = is.state == TaskState::Succeeded && was.state != TaskState::Succeeded;
        if succeeds && !was.begun {
            return Err(self.broken("verdict", "a device succeeds that never began"));
        }
        if succeeds && !self.has_really_run(&self.job.to) {
            return Err(self.broken("verdict", "a device succeeds that did not run the target"));
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
                    && self.has_really_left(ended_at)
                    && self.after.reason.as_deref() == Some("reverted")
                    && decided_at <= self.now.now
                    && decided_at - ended_at < REVERT_WITHIN
            }
            (TaskState::Failed | TaskState::TimedOut | TaskState::Canceled, TaskState::Waiting) => {
                matches!(self.cause.call, Call::Retry(job, id)
                    if *job == self.key.0 && id.device.as_str() == self.key.1)
            }
            (was_state, is_state) if was_state == is_state => {
                was.exposed && !is.exposed && self.informs_hop() && before.reason == self.after.reason
            }
            _ => false,
        };
        if is_allowed { Ok(()) } else { Err(self.broken("verdict", "a verdict changes")) }
    }

    /// A task that made room for that of newer hardware is what it was when it did.
    pub(crate) fn stays(&self) -> Result<(), Broken> {
        let is_same = |before: &TaskRow| {
            let (was, is) = (&before.task, &self.after.task);
            (was.state, was.exposed, was.begun) == (is.state, is.exposed, is.begun)
                && (before.stage, &before.reason) == (self.after.stage, &self.after.reason)
        };
        if self.after.task.state.is_ended() && self.before.is_some_and(is_same) {
            return Ok(());
        }
        Err(self.broken("exposure", "what became of the hardware before is changed"))
    }

    pub(crate) fn exposure(&self) -> Result<(), Broken> {
        let Some(before) = self.before else { return Ok(()) };
        let (was, is) = (&before.task, &self.after.task);
        let is_taken_back = was.exposed && was.begun && !is.exposed;
        if is_taken_back {
            let came_back = is.state == TaskState::Succeeded
                && self.informs_target()
                && self.has_really_run(&self.job.to);
            let passed_hop = !is.begun && self.informs_hop() && self.has_really_run(HOP);
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
