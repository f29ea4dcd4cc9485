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
    /// The place of its version in the order of registration; `None` when no such firmware is registered.
    pub sequence: Option<i64>,
    /// Whether its product gives nothing to devices whose version is not registered.
    pub refuses_unknown: bool,
    /// Its tasks that wait, are live, are lost, or ended within 48 hours ([`REVERT_WITHIN`], and a day more for a word that
    /// comes late); oldest firmware first.
    pub tasks: Vec<Assignment>,
}

/// One task with its job and firmware.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The task.
    pub record: TaskRecord,
    /// Its job.
    pub job: JobRecord,
    /// The firmware that the device is to take now: the job's own, or a hop on the way to it.
    pub firmware: FirmwareRecord,
    /// The place of the job's own firmware in the order of registration.
    pub target: i64,
}

/// How long after its success a task may still be reverted (ms).
pub const REVERT_WITHIN: i64 = 86_400_000;

impl Ledger<'_> {
    /// The device and its tasks, or `None` when it is not registered. One statement.
    pub fn view(&self, id: &DeviceId) -> Result<Option<View>, SqlError> {
        self.view_with(id, "")
    }

    /// The same, the task of `job` among its tasks however long ago it ended.
    pub(crate) fn view_with(&self, id: &DeviceId, job: &str) -> Result<Option<View>, SqlError> {
        let sql = self.dialect.text(VIEW).replace("{columns}", &columns()).replace("{next}", NEXT_FIRMWARE);
        let rows =
            self.sql.query(&sql, &[id.product.as_str().into(), id.device.as_str().into(), job.into()])?;
        let Some(first) = rows.first() else { return Ok(None) };
        let mut tasks = Vec::new();
        for row in &rows {
            tasks.extend(Assignment::read(row, TASK_AT)?);
        }
        // What is cut off is what matters least; what is kept is told oldest firmware first.
        tasks
            .sort_by_key(|assignment: &Assignment| (assignment.firmware.sequence, assignment.job.created_at));
        Ok(Some(View {
            now: first.int(0)?,
            epoch: first.int(1)?,
            device: DeviceRecord::read(first, 4)?,
            sequence: first.opt_int(2)?,
            refuses_unknown: first.int(3)? == 1,
            tasks,
        }))
    }
}

impl View {
    /// Whether the stamp (ms) lies ahead of the ledger's clock: it is of one that was set back, and compares with nothing.
    pub(crate) fn is_ahead(&self, stamp: i64) -> bool {
        stamp > self.now
    }

    /// The task that the device is at work on, if any: there is at most one.
    pub fn live(&self) -> Option<&Assignment> {
        self.tasks.iter().find(|assignment| assignment.record.task.state.is_live())
    }

    /// The place of `version` in the order of registration, as far as this read knows it: of the device's own.
    pub(crate) fn sequence_of(&self, version: &Version) -> Option<i64> {
        self.sequence.filter(|_| self.device.version.as_ref() == Some(version))
    }

    /// The task of `job`.
    pub fn of(&self, job: &str) -> Option<&Assignment> {
        self.tasks.iter().find(|assignment| assignment.job.job == job)
    }
}

impl Assignment {
    /// Columns of [`Self::read`].
    pub(crate) fn columns() -> String {
        format!("{}, {}, {}, g.sequence", TaskRecord::COLUMNS, JobRecord::COLUMNS, FirmwareRecord::COLUMNS)
    }

    /// The assignment at column `at`, or `None` where a LEFT JOIN found none.
    pub(crate) fn read(row: &crate::Row, at: usize) -> Result<Option<Self>, SqlError> {
        let Some(record) = TaskRecord::read(row, at)? else { return Ok(None) };
        let job_at = at + TaskRecord::WIDTH;
        let job = JobRecord::read(row, job_at)?;
        let firmware_at = job_at + JobRecord::WIDTH;
        let firmware = FirmwareRecord::read(row, firmware_at)?;
        let target = row.int(firmware_at + FirmwareRecord::WIDTH)?;
        Ok(Some(Self { record, job, firmware, target }))
    }

    /// Whether this task may be granted or begin at all: its job runs, its firmware is sound,
    /// and the device is still the one that joined.
    pub(crate) fn is_open(&self, device: &DeviceRecord) -> bool {
        self.job.state == JobState::Running
            && self.firmware.quarantined_at.is_none()
            && self.record.generation == device.generation
    }

    /// Whether the device is to take a firmware on the way, not yet the job's own.
    pub fn is_hop(&self) -> bool {
        self.firmware.sequence != self.target
    }

    /// Whether the version of this place in the order of registration is the hop that the latest attempt brought: one
    /// that waits for another attempt would be told what comes next from where the device is.
    fn is_on_hop(&self, sequence: Option<i64>) -> bool {
        self.record.hop.is_some_and(|hop| hop != self.target && sequence == Some(hop))
    }

    /// What an informed version is to this task; `sequence` is its place in the order of registration, if it has one.
    pub(crate) fn relation(&self, version: &Version, sequence: Option<i64>) -> Informed {
        if *version == self.job.to {
            Informed::Target
        } else if self.is_on_hop(sequence) || (self.is_hop() && *version == self.firmware.version) {
            Informed::Hop
        } else if self.record.from.as_ref() == Some(version) {
            Informed::Source
        } else if !self.job.is_downgrade && sequence.is_some_and(|sequence| sequence > self.target) {
            Informed::Newer
        } else {
            Informed::Other
        }
    }
}

fn columns() -> String {
    format!("{}, {}", DeviceRecord::COLUMNS, Assignment::columns())
}

/// Where the columns of a task begin: behind the clock, the epoch, what is known of the version, and the device.
const TASK_AT: usize = 4 + DeviceRecord::WIDTH;

/// The firmware that a task brings the device to: the one that its attempt was granted for, while there is one; else the
/// next that it must pass through from where it is, else the job's own.
pub(crate) const NEXT_FIRMWARE: &str = "COALESCE(CASE WHEN t.state <> 'waiting' THEN t.hop END,
        (SELECT MIN(h.sequence) FROM firmware h WHERE h.product = j.product AND h.must_pass = 1
            AND h.sequence > COALESCE(v.sequence, 0) AND h.sequence < g.sequence),
        g.sequence)";

const VIEW: &str = "SELECT {now}, l.epoch, v.sequence, p.refuse_unknown, {columns}
    FROM ledger l CROSS JOIN device d
    JOIN product p ON p.product = d.product
    LEFT JOIN firmware v ON v.product = d.product AND v.version = d.version
    LEFT JOIN task t ON t.product = d.product AND t.device = d.device
        AND (t.state IN ('waiting', 'granted', 'downloading', 'upgrading') OR t.exposed = 1
            OR t.ended_at > {now} - 172800000 OR t.job = $3)
    LEFT JOIN job j ON j.job = t.job
    LEFT JOIN firmware g ON g.product = j.product AND g.version = j.version
    LEFT JOIN firmware f ON f.product = j.product AND f.sequence = {next}
    WHERE d.product = $1 AND d.device = $2
    ORDER BY CASE WHEN t.state IN ('granted', 'downloading', 'upgrading') OR t.job = $3 THEN 0
        WHEN t.state = 'waiting' AND j.state = 'running' THEN 1 WHEN t.state = 'waiting' THEN 2 ELSE 3 END,
        f.sequence DESC, j.created_at DESC
    LIMIT 64";
