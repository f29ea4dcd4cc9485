//! One device in one job, as stored.

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;
use ota_rollout::{Task, TaskState};

use super::{device_id, version};
use crate::sql::{Row, SqlError};

/// One device in one job, as stored.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    /// Its job.
    pub job: String,
    /// Its device.
    pub id: DeviceId,
    /// The device's generation when the job was created.
    pub generation: i64,
    /// What the rules decide over.
    pub task: Task,
    /// The version that the attempt started from.
    pub from: Option<Version>,
    /// The last step that was written, −2³¹..=100.
    pub step: Option<i64>,
    /// When it was written (ms).
    pub stepped_at: i64,
    /// The device's own words.
    pub detail: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// The id of the command.
    pub push_id: Option<String>,
    /// When the attempt was granted (ms).
    pub granted_at: i64,
    /// When an attempt last began (ms): only what the device says from then on tells what became of it. 0: none did.
    pub begun_at: i64,
    /// When there was a verdict (ms).
    pub ended_at: Option<i64>,
    /// Until when the device counts as reachable (ms).
    pub ready_until: i64,
    /// When silence has a consequence, or the next attempt is due (ms).
    pub deadline: Option<i64>,
    /// When the attempt ends at the latest (ms), from its first sign on.
    pub times_out_at: Option<i64>,
    /// Its stage in the job, from 0.
    pub stage: i64,
    /// The sequence of the firmware that its attempt brings.
    pub hop: Option<i64>,
}

impl TaskRecord {
    pub(crate) const COLUMNS: &str = "t.job, t.product, t.device, t.generation, t.state, t.attempt, t.exposed, \
         t.begun, t.admitted, t.signed, t.offered, t.downloaded, t.returned, t.refused, t.from_version, t.step, \
         t.stepped_at, t.detail, t.reason, t.push_id, t.granted_at, t.ended_at, t.ready_until, t.deadline, t.tries, \
         t.backing_off, t.times_out_at, t.stage, t.hop, t.begun_at";
    pub(crate) const WIDTH: usize = 30;

    /// The task at column `at`, or `None` where a LEFT JOIN found none.
    pub(crate) fn read(row: &Row, at: usize) -> Result<Option<Self>, SqlError> {
        let Some(job) = row.opt_text(at)? else { return Ok(None) };
        let flag = |n: usize| row.int(at + n).map(|value| value == 1);
        let state = row.text(at + 4)?;
        let task = Task {
            state: TaskState::parse(&state).ok_or_else(|| SqlError(format!("task state {state}")))?,
            attempt: row.int(at + 5)?,
            exposed: flag(6)?,
            begun: flag(7)?,
            admitted: flag(8)?,
            signed: flag(9)?,
            offered: flag(10)?,
            downloaded: flag(11)?,
            returned: flag(12)?,
            refused: flag(13)?,
            tries: row.int(at + 24)?,
            backing_off: flag(25)?,
        };
        Ok(Some(Self {
            job,
            id: device_id(row, at + 1)?,
            generation: row.int(at + 3)?,
            task,
            from: version(row, at + 14)?,
            step: row.opt_int(at + 15)?,
            stepped_at: row.int(at + 16)?,
            detail: row.opt_text(at + 17)?,
            reason: row.opt_text(at + 18)?,
            push_id: row.opt_text(at + 19)?,
            granted_at: row.int(at + 20)?,
            begun_at: row.int(at + 29)?,
            ended_at: row.opt_int(at + 21)?,
            ready_until: row.int(at + 22)?,
            deadline: row.opt_int(at + 23)?,
            times_out_at: row.opt_int(at + 26)?,
            stage: row.int(at + 27)?,
            hop: row.opt_int(at + 28)?,
        }))
    }
}
