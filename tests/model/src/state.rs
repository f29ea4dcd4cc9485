//! What the model remembers: the rows of the ledger, and what the gateways hold in memory.
//!
//! States that differ only in the names of devices, gateways and attempts are one: a representative stands for them.
#![expect(clippy::indexing_slicing, reason = "jobs and devices are named by ranges over their own arrays")]

use std::fmt;
use std::hash::{Hash, Hasher};

use ota_rollout::{Counters, Happening, Informed, JobState, Task, TaskState};

use crate::promise::Broken;

/// How many gateways work on one ledger.
pub(crate) const GATEWAYS: usize = 2;

/// Everything there is between two steps, of `J` jobs over the same `D` devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State<const J: usize, const D: usize> {
    jobs: [JobRow; J],
    /// By job and device.
    tasks: [[Task; D]; J],
    /// What each gateway is about to do: it has read, and has not committed.
    gateways: [Option<Intent>; GATEWAYS],
    /// The promise that the latest step broke.
    pub(crate) broken: Option<Broken>,
}

/// The row of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobRow {
    /// Where it stands.
    pub state: JobState,
    /// Its counters, moved by the ledger's statements.
    pub counters: Counters,
}

/// A decision that a gateway came to by what it read, before the transaction that would make it true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Intent {
    /// Over which job's task.
    pub job: usize,
    /// Of which device.
    pub device: usize,
    /// What is to happen to it.
    pub happening: Happening,
    /// By the link of which attempt; 0 for what comes without a link.
    pub link: i64,
}

impl<const J: usize, const D: usize> State<J, D> {
    /// Jobs that were just created, over devices that were told nothing.
    pub(crate) fn new() -> Self {
        let waiting = i64::try_from(D).unwrap_or(0);
        let job = JobRow { state: JobState::Running, counters: Counters { waiting, ..Counters::default() } };
        Self { jobs: [job; J], tasks: [[Task::NEW; D]; J], gateways: [None; GATEWAYS], broken: None }
    }

    pub(crate) fn job(&self, job: usize) -> &JobRow {
        &self.jobs[job]
    }

    pub(crate) fn tasks_of(&self, job: usize) -> &[Task] {
        &self.tasks[job]
    }

    pub(crate) fn task(&self, job: usize, device: usize) -> &Task {
        &self.tasks[job][device]
    }

    /// What `gateway` holds.
    pub(crate) fn held_by(&self, gateway: usize) -> Option<Intent> {
        self.gateways[gateway]
    }

    /// What is held by any gateway.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Intent> {
        self.gateways.iter().flatten()
    }

    /// How many jobs have `device` at work.
    pub(crate) fn live_tasks(&self, device: usize) -> usize {
        self.tasks.iter().filter(|tasks| tasks[device].state.is_live()).count()
    }

    /// Whether another job than `job` has `device` at work.
    pub(crate) fn is_live_elsewhere(&self, job: usize, device: usize) -> bool {
        (0..J).any(|other| other != job && self.tasks[other][device].state.is_live())
    }

    pub(crate) fn with_job(&self, job: usize, row: JobRow) -> Self {
        let mut after = self.clone();
        after.jobs[job] = row;
        after
    }

    pub(crate) fn with_task(&self, job: usize, device: usize, task: Task) -> Self {
        let mut after = self.clone();
        after.tasks[job][device] = task;
        after
    }

    pub(crate) fn holding(&self, gateway: usize, intent: Option<Intent>) -> Self {
        let mut after = self.clone();
        after.gateways[gateway] = intent;
        after
    }

    /// The device has chosen the offer of `job`.
    pub(crate) fn void_offers(&mut self, job: usize, device: usize) {
        for (other, tasks) in self.tasks.iter_mut().enumerate() {
            let task = &mut tasks[device];
            task.offered &= other == job || task.state != TaskState::Waiting;
        }
    }

    /// The state that stands for all that differ from this one in names only, or in what nothing reads any more.
    pub(crate) fn representative(self) -> Self {
        self.without_past().renamed()
    }

    /// The state without what nothing reads any more: facts of attempts that are over, and links that are dead, which a
    /// gateway may as well forget.
    ///
    /// Nothing asks more of a link than whether it is that of the current attempt or of the one to come: so the current
    /// one is 1, and all before it are 0. A device may be tried any number of times.
    pub(crate) fn without_past(mut self) -> Self {
        for held in &mut self.gateways {
            *held = held.and_then(|intent| {
                let task = &self.tasks[intent.job][intent.device];
                renamed_link(task, intent.link).map(|link| Intent { link, ..intent })
            });
        }
        for task in self.tasks.iter_mut().flatten() {
            *task = Task { attempt: task.attempt.min(1), ..without_past(task) };
        }
        self
    }

    /// The state with devices and gateways sorted by all that is known of them.
    fn renamed(mut self) -> Self {
        let mut order: [usize; D] = std::array::from_fn(|device| device);
        let codes: [_; D] = std::array::from_fn(|device| self.device_code(device));
        order.sort_by_key(|device| codes[*device]);
        if !order.is_sorted() {
            let tasks = self.tasks;
            for (job, row) in self.tasks.iter_mut().enumerate() {
                *row = order.map(|device| tasks[job][device]);
            }
            for intent in self.gateways.iter_mut().flatten() {
                intent.device =
                    order.iter().position(|device| *device == intent.device).unwrap_or(intent.device);
            }
        }
        self.gateways.sort_by_key(|held| held.map_or(0, |intent| 1 + intent_code(&intent)));
        self
    }

    /// All that is known of a device: equal codes are devices that may be swapped.
    fn device_code(&self, device: usize) -> ([u64; J], [u64; GATEWAYS]) {
        let mut held = self.gateways.map(|held| {
            held.filter(|intent| intent.device == device)
                .map_or(0, |intent| 1 + intent_code(&Intent { device: 0, ..intent }))
        });
        held.sort_unstable();
        (std::array::from_fn(|job| task_code(&self.tasks[job][device])), held)
    }
}

/// The link as [`State::without_past`] names it; `None` for one that nothing will open again.
fn renamed_link(task: &Task, link: i64) -> Option<i64> {
    let is_alive = link == 0 || link > task.attempt || (link == task.attempt && task.state.is_live());
    is_alive.then(|| if link == 0 { 0 } else { link - task.attempt + task.attempt.min(1) })
}

/// The task without what was true of an attempt that is over: no rule reads it (a test asks every rule).
pub fn without_past(task: &Task) -> Task {
    match task.state {
        TaskState::Granted | TaskState::Downloading | TaskState::Upgrading => *task,
        TaskState::Waiting => {
            Task { admitted: false, signed: false, downloaded: false, returned: false, ..*task }
        }
        _ => Task {
            admitted: false,
            signed: false,
            downloaded: false,
            returned: false,
            refused: false,
            tries: 0,
            ..*task
        },
    }
}

/// By hand: counters have no order of their own, and a packed task hashes in one word.
impl<const J: usize, const D: usize> Hash for State<J, D> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for job in &self.jobs {
            (job.state, counters(&job.counters)).hash(hasher);
        }
        for task in self.tasks.iter().flatten() {
            task_code(task).hash(hasher);
        }
        (self.gateways, self.broken).hash(hasher);
    }
}

/// Each counter, named so that a new one does not compile until it stands here.
fn counters(counters: &Counters) -> [i64; 10] {
    let Counters {
        waiting,
        in_flight,
        succeeded,
        failed,
        timed_out,
        canceled,
        skipped,
        exposed,
        begun,
        retrying,
    } = *counters;
    [waiting, in_flight, succeeded, failed, timed_out, canceled, skipped, exposed, begun, retrying]
}

/// A task in one word; each field is named for the same reason.
fn task_code(task: &Task) -> u64 {
    let Task {
        state,
        exposed,
        begun,
        admitted,
        signed,
        offered,
        downloaded,
        returned,
        refused,
        backing_off,
        attempt,
        tries,
    } = *task;
    let facts = [exposed, begun, admitted, signed, offered, downloaded, returned, refused, backing_off];
    let packed = facts.iter().fold(0, |packed, fact| packed << 1 | u64::from(*fact));
    // Tries are below zero when a first attempt lapses that did not count.
    packed << 20 | (tries.cast_unsigned() & 0xff) << 12 | (attempt.cast_unsigned() & 0xff) << 4 | state as u64
}

fn intent_code(intent: &Intent) -> u64 {
    let happening = match intent.happening {
        Happening::Grant => 0,
        Happening::Offer => 1,
        Happening::Acknowledge => 2,
        Happening::Begin => 3,
        Happening::Refuse => 4,
        Happening::Resume => 5,
        Happening::Complete => 6,
        Happening::Due => 7,
        Happening::Cancel => 8,
        Happening::Retry => 9,
        Happening::Inform(Informed::Target) => 10,
        Happening::Inform(Informed::Hop) => 11,
        Happening::Inform(Informed::Source) => 12,
        Happening::Inform(Informed::Newer) => 13,
        Happening::Inform(Informed::Other) => 14,
        // Steps are −128..=100 here.
        Happening::Step(step) => 256 + u64::from(step.cast_unsigned() & 0xff),
    };
    let place = |value: usize| u64::try_from(value).unwrap_or(u64::MAX) & 0xff;
    happening << 24
        | place(intent.job) << 16
        | place(intent.device) << 8
        | (intent.link.cast_unsigned() & 0xff)
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of device {} in job {}", self.happening, self.device, self.job)?;
        if self.link > 0 { write!(f, " by link {}", self.link) } else { Ok(()) }
    }
}
