//! Why a device gets what it gets: of each job that it is in, and of each open job of its product that it is not in.
//!
//! It asks [`View::barriers`], the very function that grants ask, and the very parts of the scope that make tasks: what
//! an operator is told is what decides. It writes nothing.

mod outside;

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;
use ota_rollout::{JobState, Mode, TaskState};

use crate::grant::Barrier;
use crate::moment::Moment;
use crate::record::{DeviceRecord, JobRecord};
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError};

/// A device, and how it stands in jobs.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The device.
    pub device: DeviceRecord,
    /// What it is called besides its key.
    pub tags: Vec<String>,
    /// Its jobs, newest first, at most 100; then the open jobs of its product that it is not in, at most 100.
    pub jobs: Vec<Explained>,
}

/// How a device stands in a job.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The job.
    pub job: JobRecord,
    /// The version that it would be told of next: the job's own, or one that it must pass through before.
    pub next: Option<Version>,
    /// In a word.
    pub verdict: Verdict,
    /// Why: a sentence for each reason, in the order in which they would have to be cleared.
    pub why: Vec<String>,
    /// When time alone changes it (ms), as far as that is known.
    pub until: Option<i64>,
}

/// How a device stands in a job, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands in its way.
    GrantedNow,
    /// It was granted, and there is no verdict yet.
    AtWork,
    /// There is a verdict.
    Ended,
    /// Something stands in its way.
    Waits,
    /// The job does not have it.
    NotInJob,
}

impl Verdict {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrantedNow => "granted now",
            Self::AtWork => "at work",
            Self::Ended => "ended",
            Self::Waits => "waits",
            Self::NotInJob => "not in the job",
        }
    }
}

impl Ledger<'_> {
    /// How the device stands in all its jobs, and why it is not in the other open jobs of its product. `None` when it is
    /// not registered. Four statements, and one for each job whose source versions keep it out.
    pub fn explain(&self, id: &DeviceId) -> Result<Option<Explanation>, SqlError> {
        let Some(view) = self.view(id)? else { return Ok(None) };
        let mut jobs: Vec<Explained> =
            self.tasks_of(id)?.iter().map(|assignment| view.explained(assignment)).collect();
        jobs.extend(self.outside(id, None)?);
        Ok(Some(Explanation { tags: self.tags(id)?, device: view.device, jobs }))
    }

    /// How the device stands in `job`. `None` when the device is not registered.
    pub fn explain_in(&self, id: &DeviceId, job: &str) -> Result<Option<Explanation>, SqlError> {
        let Some(view) = self.view_with(id, job)? else { return Ok(None) };
        let jobs = match view.of(job) {
            Some(assignment) => vec![view.explained(assignment)],
            None => self.outside(id, Some(job))?,
        };
        Ok(Some(Explanation { tags: self.tags(id)?, device: view.device, jobs }))
    }
}

impl View {
    fn explained(&self, assignment: &Assignment) -> Explained {
        let job = assignment.job.clone();
        let next = Some(assignment.firmware.version.clone());
        let state = assignment.record.task.state;
        if state.is_live() {
            let (why, until) = (self.work(assignment), assignment.record.deadline);
            return Explained { job, next, verdict: Verdict::AtWork, why, until };
        }
        if state.is_ended() {
            let why = ending(assignment);
            return Explained { job, next: None, verdict: Verdict::Ended, why, until: None };
        }
        let barriers = self.barriers_behind_others(assignment);
        if barriers.is_empty() {
            let why = vec![opportunity(assignment.job.mode).to_owned()];
            return Explained { job, next, verdict: Verdict::GrantedNow, why, until: None };
        }
        let why = barriers.iter().map(Barrier::to_string).collect();
        let until = barriers.iter().filter_map(Barrier::until).max();
        Explained { job, next, verdict: Verdict::Waits, why, until }
    }

    /// The barriers of a waiting task, and the job that goes first where there is no other.
    fn barriers_behind_others(&self, assignment: &Assignment) -> Vec<Barrier> {
        let barriers = self.barriers(assignment);
        if !barriers.is_empty() || assignment.job.mode != Mode::Push {
            return barriers;
        }
        let is_before = |other: &&Assignment| {
            other.job.mode == Mode::Push
                && other.rank() < assignment.rank()
                && self.barriers(other).is_empty()
        };
        let first = self.tasks.iter().filter(is_before).min_by_key(|other| other.rank());
        first.map(|first| Barrier::Behind(first.job.job.clone())).into_iter().collect()
    }

    /// What a device at work has done, and may do.
    fn work(&self, assignment: &Assignment) -> Vec<String> {
        let (record, job) = (&assignment.record, &assignment.job);
        let mut why = vec![format!(
            "granted at {}, attempt {}, try {} of {}",
            Moment(record.granted_at),
            record.task.attempt,
            record.task.tries,
            job.terms.retry.attempts
        )];
        why.push(match (record.task.state, record.step) {
            (TaskState::Granted, _) if record.task.signed => "it has acknowledged, and not begun".to_owned(),
            (TaskState::Granted, _) => "it has shown no sign yet".to_owned(),
            (state, Some(step)) => format!("it is {}, at step {step}", state.as_str()),
            (state, None) => format!("it is {}", state.as_str()),
        });
        if let Some(deadline) = record.deadline {
            why.push(format!("it has until {}", Moment(deadline)));
        }
        if !record.task.admitted && job.state != JobState::Running {
            let state = Barrier::JobIs(job.state, job.held_because.clone());
            why.push(format!("{state}: it may not begin"));
        }
        if record.generation != self.device.generation {
            why.push(Barrier::Replaced.to_string());
        }
        why
    }
}

impl Barrier {
    /// When time alone clears it (ms).
    fn until(&self) -> Option<i64> {
        match self {
            Self::BacksOff(until) | Self::Closed(until) | Self::Paced(until) => Some(*until),
            _ => None,
        }
    }
}

/// What grants a task that nothing stands in the way of.
fn opportunity(mode: Mode) -> &'static str {
    match mode {
        Mode::Push => "the next sweep grants it, or the device itself when it is heard",
        Mode::Request => "the device is offered it when it asks",
    }
}

/// How a task ended, and what is left of it.
fn ending(assignment: &Assignment) -> Vec<String> {
    let (record, to) = (&assignment.record, &assignment.job.to);
    let at = Moment(record.ended_at.unwrap_or(0));
    let reason = record.reason.as_deref().unwrap_or("no reason was given");
    let mut why = vec![match record.task.state {
        TaskState::Succeeded => format!("it informed version {to} at {at}"),
        TaskState::Skipped => format!("it ran version {to}, or a newer one, when it joined"),
        TaskState::TimedOut => format!("it timed out at {at}"),
        TaskState::Canceled => format!("it was canceled at {at}"),
        _ => format!("it failed at {at}: {reason}"),
    }];
    if let Some(words) = record.detail.as_deref().filter(|words| !words.is_empty()) {
        why.push(format!("the device said {words:?}"));
    }
    if record.task.exposed {
        why.push(format!("it counts against the loss budget until it informs version {to}"));
    }
    why
}
