//! What the ledger knows of one device, in one read: itself, and the tasks that may still matter.

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;
use ota_rollout::{Informed, JobState};

use crate::record::{DeviceRecord, FirmwareRecord, JobRecord, TaskRecord};
use crate::{Ledger, SqlError};

/// A device, its tasks, and the moment of the read.
#[derive(Debug, Clone)]
pub struct View {
    /// The ledger's clock (ms).
    pub now: i64,
    /// The ledger's epoch.
    pub epoch: i64,
    /// The device.
    pub device: DeviceRecord,
    /// Its tasks that wait, are live, are lost, or ended within 24 hours; oldest firmware first.
    pub tasks: Vec<Assignment>,
}

/// One task with its job and firmware.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The task.
    pub record: TaskRecord,
    /// Its job.
    pub job: JobRecord,
    /// The job's firmware.
    pub firmware: FirmwareRecord,
}

/// How long after its success a task may still be reverted (ms).
pub const REVERT_WITHIN: i64 = 86_400_000;

impl Ledger<'_> {
    /// The device and its tasks, or `None` when it is not registered. One statement.
    pub fn view(&self, id: &DeviceId) -> Result<Option<View>, SqlError> {
        let sql = self.dialect.text(VIEW).replace("{columns}", &columns());
        let rows = self.sql.query(&sql, &[id.product.as_str().into(), id.device.as_str().into()])?;
        let Some(first) = rows.first() else { return Ok(None) };
        let mut tasks = Vec::new();
        for row in &rows {
            tasks.extend(Assignment::read(row, 2 + DeviceRecord::WIDTH)?);
        }
        // What is cut off is what matters least; what is kept is told oldest firmware first.
        tasks
            .sort_by_key(|assignment: &Assignment| (assignment.firmware.sequence, assignment.job.created_at));
        Ok(Some(View {
            now: first.int(0)?,
            epoch: first.int(1)?,
            device: DeviceRecord::read(first, 2)?,
            tasks,
        }))
    }
}

impl View {
    /// The task that the device is at work on, if any: there is at most one.
    pub fn live(&self) -> Option<&Assignment> {
        self.tasks.iter().find(|assignment| assignment.record.task.state.is_live())
    }

    /// The task of `job`.
    pub fn of(&self, job: &str) -> Option<&Assignment> {
        self.tasks.iter().find(|assignment| assignment.job.job == job)
    }
}

impl Assignment {
    /// Columns of [`Self::read`].
    pub(crate) fn columns() -> String {
        format!("{}, {}, {}", TaskRecord::COLUMNS, JobRecord::COLUMNS, FirmwareRecord::COLUMNS)
    }

    /// The assignment at column `at`, or `None` where a LEFT JOIN found none.
    pub(crate) fn read(row: &crate::Row, at: usize) -> Result<Option<Self>, SqlError> {
        let Some(record) = TaskRecord::read(row, at)? else { return Ok(None) };
        let job_at = at + TaskRecord::WIDTH;
        let job = JobRecord::read(row, job_at)?;
        let firmware = FirmwareRecord::read(row, job_at + JobRecord::WIDTH)?;
        Ok(Some(Self { record, job, firmware }))
    }

    /// Whether this task may be granted or begin at all: its job runs, its firmware is sound,
    /// and the device is still the one that joined.
    pub(crate) fn is_open(&self, device: &DeviceRecord) -> bool {
        self.job.state == JobState::Running
            && self.firmware.quarantined_at.is_none()
            && self.record.generation == device.generation
    }

    /// What an informed version is to this task.
    pub(crate) fn relation(&self, version: &Version) -> Informed {
        if *version == self.job.to {
            Informed::Target
        } else if self.record.from.as_ref() == Some(version) {
            Informed::Source
        } else {
            Informed::Other
        }
    }
}

fn columns() -> String {
    format!("{}, {}", DeviceRecord::COLUMNS, Assignment::columns())
}

const VIEW: &str = "SELECT {now}, l.epoch, {columns}
    FROM ledger l CROSS JOIN device d
    LEFT JOIN task t ON t.product = d.product AND t.device = d.device
        AND (t.state IN ('waiting', 'granted', 'downloading', 'upgrading') OR t.exposed = 1
            OR t.ended_at > {now} - 86400000)
    LEFT JOIN job j ON j.job = t.job
    LEFT JOIN firmware f ON f.product = j.product AND f.version = j.version
    WHERE d.product = $1 AND d.device = $2
    ORDER BY CASE WHEN t.state IN ('granted', 'downloading', 'upgrading') THEN 0
        WHEN j.state = 'running' THEN 1 ELSE 2 END, f.sequence DESC, j.created_at DESC
    LIMIT 64";
