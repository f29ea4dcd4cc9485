//! What is committed: every job, task and device, read by somebody who takes no part.

use std::collections::{BTreeMap, BTreeSet};

use ota_ledger::{Row, Sql, SqlError};
use ota_rollout::{Budget, Counters, JobState, Mode, Task, TaskState};

/// All that is committed at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// By id.
    pub(crate) jobs: BTreeMap<String, JobRow>,
    /// By job, device and generation.
    pub(crate) tasks: BTreeMap<TaskKey, TaskRow>,
    /// The devices that are registered.
    pub(crate) devices: BTreeMap<String, DeviceRow>,
    /// The clock (ms).
    pub(crate) now: i64,
}

/// The job of a task, its device, and the generation that the device was of when the task was made.
pub(crate) type TaskKey = (String, String, i64);

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRow {
    /// Rises with its hardware.
    pub(crate) generation: i64,
    /// What it informed last.
    pub(crate) version: Option<String>,
    /// Whether somebody holds its session.
    pub(crate) is_connected: bool,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobRow {
    /// Where it stands.
    pub(crate) state: JobState,
    /// Who starts an update.
    pub(crate) mode: Mode,
    /// To which version.
    pub(crate) to: String,
    /// When it may set to work, as text.
    pub(crate) windows: String,
    /// What it may spend.
    pub(crate) budget: Budget,
    /// How many devices may be at work at once.
    pub(crate) max_in_flight: i64,
    /// What its row counts.
    pub(crate) counters: Counters,
    /// How many tasks its row counts.
    pub(crate) devices: i64,
    /// Whether it takes in devices that come later.
    pub(crate) is_incremental: bool,
    /// Whether its stop also cuts what runs.
    pub(crate) is_hard: bool,
    /// The open stage: its number, members, arrived, ended.
    pub(crate) stage: [i64; 4],
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskRow {
    /// What the rules decide over; flags that only the attempt knows are left out.
    pub(crate) task: Task,
    /// Whether it made room for the task of newer hardware: only what is counted of it is kept.
    pub(crate) is_former: bool,
    /// Its stage.
    pub(crate) stage: i64,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    /// When its last attempt was granted, by the device's word or the clock when it was decided (ms).
    pub(crate) granted_at: i64,
    /// When it last began, by the device's word or the clock when it was decided (ms).
    pub(crate) begun_at: i64,
    /// When it got its verdict, by the device's word or the clock when it was decided (ms).
    pub(crate) ended_at: Option<i64>,
}

impl Snapshot {
    /// Reads everything that is committed. Nobody may commit in between: three statements.
    pub(crate) fn read(sql: &dyn Sql) -> Result<Self, SqlError> {
        let mut snapshot = Self::default();
        for row in sql.query(JOBS, &[])? {
            snapshot.jobs.insert(row.text(0)?, job(&row)?);
        }
        for row in sql.query(TASKS, &[])? {
            snapshot.tasks.insert((row.text(0)?, row.text(1)?, row.int(8)?), task(&row)?);
        }
        for row in sql.query(DEVICES, &[])? {
            let device = DeviceRow {
                generation: row.int(1)?,
                version: row.opt_text(2)?,
                is_connected: row.int(4)? == 1,
            };
            snapshot.devices.insert(row.text(0)?, device);
            snapshot.now = row.int(3)?;
        }
        Ok(snapshot)
    }

    /// The versions that are quarantined.
    pub(crate) fn quarantined(sql: &dyn Sql) -> Result<BTreeSet<String>, SqlError> {
        sql.query(QUARANTINED, &[])?.iter().map(|row| row.text(0)).collect()
    }

    /// Whether nothing but time passed between the two.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.jobs == other.jobs && self.tasks == other.tasks && self.devices == other.devices
    }

    /// The tasks of `job`, with their devices.
    pub(crate) fn tasks_of<'s>(&'s self, job: &'s str) -> impl Iterator<Item = (&'s str, &'s TaskRow)> {
        let of_job = self.tasks.iter().filter(move |((of, ..), _)| of == job);
        of_job.map(|((_, device, _), task)| (device.as_str(), task))
    }
}

fn job(row: &Row) -> Result<JobRow, SqlError> {
    let n = |n: usize| row.int(n);
    let (state, mode) = (row.text(1)?, row.text(23)?);
    Ok(JobRow {
        state: JobState::parse(&state).ok_or(SqlError(state))?,
        to: row.text(2)?,
        budget: Budget { loss_budget: n(3)?, growth: n(4)? },
        devices: n(5)?,
        counters: Counters {
            waiting: n(6)?,
            in_flight: n(7)?,
            succeeded: n(8)?,
            failed: n(9)?,
            timed_out: n(10)?,
            canceled: n(11)?,
            skipped: n(12)?,
            exposed: n(13)?,
            begun: n(14)?,
            retrying: n(15)?,
        },
        stage: [n(16)?, n(17)?, n(18)?, n(19)?],
        max_in_flight: n(20)?,
        is_incremental: n(21)? == 1,
        is_hard: n(22)? == 1,
        mode: Mode::parse(&mode).ok_or(SqlError(mode))?,
        windows: row.opt_text(24)?.unwrap_or_default(),
    })
}

fn task(row: &Row) -> Result<TaskRow, SqlError> {
    let state = row.text(2)?;
    let flag = |n: usize| row.int(n).map(|value| value == 1);
    let task = Task {
        state: TaskState::parse(&state).ok_or(SqlError(state))?,
        exposed: flag(3)?,
        begun: flag(4)?,
        admitted: flag(5)?,
        backing_off: flag(6)?,
        attempt: row.int(7)?,
        ..Task::NEW
    };
    Ok(TaskRow {
        task,
        is_former: flag(14)?,
        stage: row.int(9)?,
        reason: row.opt_text(10)?,
        ended_at: row.opt_int(11)?,
        granted_at: row.int(12)?,
        begun_at: row.int(13)?,
    })
}

const JOBS: &str = "SELECT job, state, version, loss_budget, growth, devices, waiting, in_flight, succeeded, failed,
        timed_out, canceled, skipped, exposed, begun, retrying, stage, stage_members, stage_succeeded, stage_ended,
        max_in_flight, incremental, hard, mode, windows
    FROM job";
const TASKS: &str =
    "SELECT job, device, state, exposed, begun, admitted, backing_off, attempt, generation, stage, reason,
        ended_at, granted_at, begun_at, 0 AS former FROM task
    UNION ALL SELECT job, device, state, exposed, begun, 0, 0, attempt, generation, stage, reason,
        ended_at, 0, 0, 1 FROM former";
const DEVICES: &str =
    "SELECT d.device, d.generation, d.version, c.at, d.connected FROM test_clock c CROSS JOIN device d";
const QUARANTINED: &str = "SELECT version FROM firmware WHERE quarantined_at IS NOT NULL";
