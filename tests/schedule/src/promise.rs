//! The promises, and what breaks each. Mutations of the ledger are caught by their names. Those of one task across a
//! commit are in `changed`.
//!
//! | name | what it says | what it catches |
//! |---|---|---|
//! | `bound` | at a commit that exposes one more device, or lets one more begin, exposed ≤ loss budget + ⌊growth × succeeded / 1000⌋ by the terms of that moment | a slot or a begin without its condition |
//! | `slot` | a device is set to work only while its job runs, in a stage and a window that are open, with no more at work than may be | a second slot without its condition |
//! | `one_live_task` | a device is at work for one job at most | a missing index or lock |
//! | `counters` | what a job's row counts is what its tasks are, its open stage too | a change that is not counted, or twice |
//! | `job` | a job that holds, was paused or was stopped runs again by a person's word only; one that is done, by an operator's retry; one that was deleted, never | a hold, or a state read too early, that is written over a stop |
//! | `stop` | a download begins only while its job runs, and none after a stop or a pause was answered until the job runs again; after a hard stop nothing is served | a stop that is ignored, a begin without the job's row |
//! | `served` | nothing of a firmware is served, and nobody is set to work for it, once its quarantine is committed | an access that does not ask, a job that is not held |
//! | `link` | a download is served only to the hardware and the attempt that was let begin, and that has no verdict | a link that outlives its attempt |
//! | `verdict` | a verdict changes by a late success, a revert, a hop passed late, or an operator's retry; who succeeds had begun, and really ran the target since it began; who is reverted really ran another after that | an attempt that comes back from the dead, a success that was none |
//! | `exposure` | a task that began is un-exposed by its device (same generation), which informs the target or a hop and really ran it since it began, and by nothing else | an un-exposing retry, cancel or replacement; a generation that is ignored; a message from before the begin |
//! | `grants` | a device that is connected is granted by the sweeps, if its job runs, and has a slot and room | a device that is passed over, a stage that is forgotten |
//! | `ends` | once nobody says anything more, every task ends, or waits without being exposed; what can do nothing more holds or is done | a deadline that is lost, a task that nobody can reach |
//!
//! What a device really ran, the schedule knows. The ledger knows it by messages, and only their age tells one from
//! before the begin. So the truth is asked for as far as it could be known: not of what an undated message led to that
//! came late (it counts as said when it was received), nor of one that time passed over before the ledger first looked
//! (its age is counted up to the moment at which it was handed over); of these only the version is asked for, and that
//! they are the device's.

use std::collections::{BTreeMap, BTreeSet};

use ota_protocol::link::Link;
use ota_protocol::version::Version;
use ota_rollout::{Counters, JobState, Mode, Schedule, Task, TaskState};

use crate::call::Call;
use crate::cause::Cause;
use crate::changed::Changed;
use crate::device::Device;
use crate::snapshot::{DeviceRow, JobRow, Snapshot, TaskKey, TaskRow};

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
    /// The versions that are quarantined.
    quarantined: BTreeSet<String>,
    /// The only promise that is asked for, when one is.
    asked: Option<String>,
}

impl Watch {
    pub(crate) fn new(seen: Snapshot, asked: Option<String>) -> Self {
        Self { seen, asked, ..Self::default() }
    }

    /// What of `held` is asked for.
    pub(crate) fn heed(&self, held: Result<(), Broken>) -> Result<(), Broken> {
        let is_asked_for = |broken: &Broken| self.asked.as_ref().is_none_or(|asked| asked == broken.promise);
        held.or_else(|broken| if is_asked_for(&broken) { Err(broken) } else { Ok(()) })
    }

    /// No promise is asked for any more.
    pub(crate) fn ask_nothing(&mut self) {
        self.asked = Some(String::new());
    }

    /// These versions are quarantined now.
    pub(crate) fn quarantined(&mut self, versions: BTreeSet<String>) {
        self.quarantined = versions;
    }

    pub(crate) fn seen(&self) -> &Snapshot {
        &self.seen
    }

    /// The jobs that run.
    pub(crate) fn running_jobs(&self) -> Vec<String> {
        let running = self.seen.jobs.iter().filter(|(_, job)| job.state == JobState::Running);
        running.map(|(id, _)| id.clone()).collect()
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

    /// `cause` may have committed: holds what is committed now against the promises; whether anything changed.
    pub(crate) fn look(
        &mut self,
        now: Snapshot,
        cause: Cause<'_>,
        devices: &[Device],
    ) -> Result<bool, Broken> {
        if now.is_like(&self.seen) {
            return Ok(false);
        }
        self.heed(one_live_task(&now))?;
        for (id, job) in &now.jobs {
            self.heed(counters(&now, id, job))?;
            if let Some(before) = self.seen.jobs.get(id).filter(|before| before.state != job.state) {
                self.heed(moves(id, before.state, job.state, cause.call))?;
            }
        }
        for (key, after) in &now.tasks {
            let Some(job) = now.jobs.get(&key.0) else {
                self.heed(Err(Broken::new("counters", "a task without a job")))?;
                continue;
            };
            let device = devices.iter().find(|device| device.id.device.as_str() == key.1);
            let changed =
                Changed { key, before: self.seen.tasks.get(key), after, job, now: &now, cause, device };
            if after.is_former {
                self.heed(changed.stays())?;
                continue;
            }
            self.heed(changed.bound())?;
            self.heed(changed.slot())?;
            self.heed(changed.served(&self.quarantined))?;
            self.heed(changed.stop(self.stopped.contains(&key.0)))?;
            self.heed(changed.verdict())?;
            self.heed(changed.exposure())?;
        }
        for (key, before) in self.seen.tasks.iter().filter(|(key, _)| !now.tasks.contains_key(*key)) {
            self.heed(forgotten(&now, key, before))?;
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

    /// A download of `link` was answered with bytes of `version`.
    pub(crate) fn served(&self, link: &Link, version: &Version) -> Result<(), Broken> {
        let (job, device) = (&link.task, link.device.device.as_str());
        let hardware = self.seen.devices.get(device).map(|device| device.generation);
        let row = hardware
            .and_then(|generation| self.seen.tasks.get(&(job.clone(), device.to_owned(), generation)));
        let is_let_begin = row.is_some_and(|row| {
            let task = &row.task;
            task.admitted && task.state.is_live() && task.attempt == link.attempt
        });
        if self.seen.jobs.get(job).is_some_and(|job| job.is_hard) {
            let what = format!("{device} is served though job {job} was stopped hard");
            self.heed(Err(Broken::new("stop", what)))?;
        }
        if self.quarantined.contains(version.as_str()) {
            let what = format!("{device} is served {version} in job {job}, which is quarantined");
            self.heed(Err(Broken::new("served", what)))?;
        }
        if is_let_begin {
            return Ok(());
        }
        let what =
            format!("attempt {} of {device} in job {job} is served, though it is {row:?}", link.attempt);
        self.heed(Err(Broken::new("link", what)))
    }

    /// The sweeps have nothing left to do at `at` (ms): whoever may be granted is, that waited and was connected at
    /// `connected`. One that was granted then and showed no sign has to be heard again.
    pub(crate) fn grants(&self, connected: &Snapshot, at: i64) -> Result<(), Broken> {
        let waits = |task: &Task| task.state == TaskState::Waiting;
        for (key, row) in self.seen.tasks.iter().filter(|(_, row)| waits(&row.task)) {
            let (id, name, generation) = key;
            let has_waited = |then: &TaskRow| waits(&then.task) && then.task.attempt == row.task.attempt;
            if !connected.tasks.get(key).is_some_and(has_waited) {
                continue;
            }
            let job = self.seen.jobs.get(id).filter(|job| job.sets_to_work(at));
            let device = self.seen.devices.get(name).filter(|device| device.generation == *generation);
            let (Some(job), Some(device)) = (job, device) else { continue };
            let is_busy =
                self.seen.tasks.iter().any(|((_, of, _), row)| of == name && row.task.state.is_live());
            if !is_busy && device.may_take(&job.to) && job.has_room_for(row) {
                let what = format!(
                    "{name} in job {id} is connected and may be granted, and is not: {row:?}, {:?}",
                    job.counters
                );
                return Err(Broken::new("grants", what));
            }
        }
        Ok(())
    }

    /// When the first job opens that runs, has somebody waiting, and is closed at `at` (ms).
    pub(crate) fn opens_at(&self, at: i64) -> Option<i64> {
        let jobs = self.seen.jobs.values();
        let waiting = jobs.filter(|job| job.state == JobState::Running && job.counters.waiting > 0);
        waiting.filter_map(|job| job.schedule().opens_at(at)).min()
    }

    /// Nobody says anything more, and the sweep has nothing left to do.
    pub(crate) fn ends(&self) -> Result<(), Broken> {
        for ((job, device, generation), row) in &self.seen.tasks {
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
            if self.seen.devices.get(device).is_none_or(|device| device.generation != *generation) {
                return Err(Broken::new("ends", format!("{stands}, and its hardware is gone")));
            }
        }
        self.seen.jobs.iter().filter(|(_, job)| job.state == JobState::Running).try_for_each(can_go_on)
    }
}

impl JobRow {
    /// When it may set to work.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule::parse(0, &self.windows).unwrap()
    }

    /// Whether it sets devices to work by itself at `at` (ms).
    fn sets_to_work(&self, at: i64) -> bool {
        self.state == JobState::Running && self.mode == Mode::Push && self.schedule().opens_at(at).is_none()
    }

    /// Whether it has a place for one that waits. Reckoned here and not by the ledger's own code.
    fn has_room_for(&self, row: &TaskRow) -> bool {
        let counters = &self.counters;
        !row.task.backing_off
            && row.stage <= self.stage[0]
            && counters.in_flight < self.max_in_flight
            && (row.task.exposed || counters.exposed < self.bound(counters.succeeded))
    }

    /// How many may be exposed after `succeeded` came back.
    pub(crate) fn bound(&self, succeeded: i64) -> i64 {
        self.budget.loss_budget + self.budget.growth * succeeded / 1000
    }
}

impl DeviceRow {
    /// Whether it is connected, and brought forward by `version`: the versions that are registered are numbers.
    fn may_take(&self, version: &str) -> bool {
        let is_ahead = |runs: &str| runs < version || runs > "4";
        self.is_connected && self.version.as_deref().is_some_and(is_ahead)
    }
}

/// A running job has somebody to wait for, and room for him.
fn can_go_on((id, job): (&String, &JobRow)) -> Result<(), Broken> {
    let counters = &job.counters;
    let what = if counters.waiting == 0 && !job.is_incremental {
        "has nobody to wait for, and is not done"
    } else if counters.waiting > 0 && counters.exposed >= job.bound(counters.succeeded) {
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
    for ((job, device, _), _) in now.tasks.iter().filter(|(_, row)| row.task.state.is_live()) {
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
fn forgotten(now: &Snapshot, key: &TaskKey, before: &TaskRow) -> Result<(), Broken> {
    let is_deleted = now.jobs.get(&key.0).is_some_and(|job| job.state == JobState::Deleted);
    if is_deleted && !before.task.exposed {
        return Ok(());
    }
    Err(Broken::new("exposure", format!("the task of {} in job {} is gone: {before:?}", key.1, key.0)))
}
