//! Rows as they are stored, and how they are read: one struct and one column list per table.

use ota_image::{BlocksRoot, Image, Md5, ObjectId, Sha256};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;
use ota_rollout::{Budget, Counters, Job, JobState, Mode, Task, TaskState, Terms};

use crate::sql::{Row, SqlError};

/// A registered device.
#[derive(Debug, Clone)]
pub struct DeviceRecord {
    /// Who it is.
    pub id: DeviceId,
    /// Rises when its hardware is replaced.
    pub generation: i64,
    /// Its secret, encrypted.
    pub secret: String,
    /// What it last informed, `None` until it did.
    pub version: Option<Version>,
    /// When it was last heard (ms), as far as written: at most every 300 s.
    pub heard_at: i64,
    /// Whether a bridge or broker holds its session.
    pub is_connected: bool,
}

impl DeviceRecord {
    pub(crate) const COLUMNS: &str =
        "d.product, d.device, d.generation, d.secret, d.version, d.heard_at, d.connected";
    pub(crate) const WIDTH: usize = 7;

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        Ok(Self {
            id: device_id(row, at)?,
            generation: row.int(at + 2)?,
            secret: row.text(at + 3)?,
            version: version(row, at + 4)?,
            heard_at: row.int(at + 5)?,
            is_connected: row.int(at + 6)? == 1,
        })
    }
}

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
    /// When there was a verdict (ms).
    pub ended_at: Option<i64>,
    /// Until when the device counts as reachable (ms).
    pub ready_until: i64,
    /// When silence has a consequence (ms).
    pub deadline: Option<i64>,
}

impl TaskRecord {
    pub(crate) const COLUMNS: &str = "t.job, t.product, t.device, t.generation, t.state, t.attempt, t.exposed, \
         t.begun, t.admitted, t.signed, t.offered, t.downloaded, t.returned, t.refused, t.from_version, t.step, \
         t.stepped_at, t.detail, t.reason, t.push_id, t.granted_at, t.ended_at, t.ready_until, t.deadline";
    pub(crate) const WIDTH: usize = 24;

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
            ended_at: row.opt_int(at + 21)?,
            ready_until: row.int(at + 22)?,
            deadline: row.opt_int(at + 23)?,
        }))
    }
}

/// A job, as stored.
#[derive(Debug, Clone)]
pub struct JobRecord {
    /// Its id.
    pub job: String,
    /// Whose devices it moves.
    pub product: ProductKey,
    /// The version it moves them to.
    pub to: Version,
    /// Who starts an update.
    pub mode: Mode,
    /// Where it stands.
    pub state: JobState,
    /// Why it holds.
    pub held_because: Option<String>,
    /// What the operator set.
    pub terms: Terms,
    /// How many tasks it has.
    pub devices: i64,
    /// Its tasks, counted.
    pub counters: Counters,
    /// When it was created (ms).
    pub created_at: i64,
}

impl JobRecord {
    pub(crate) const COLUMNS: &str = "j.job, j.product, j.version, j.mode, j.state, j.held_because, \
         j.loss_budget, j.growth, j.max_in_flight, j.first_sign_within, j.upgrade_timeout, j.confirm_within, \
         j.reachable_within, j.devices, j.waiting, j.in_flight, j.succeeded, j.failed, j.timed_out, \
         j.canceled, j.skipped, j.exposed, j.begun, j.created_at";
    pub(crate) const WIDTH: usize = 24;

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let (mode, state) = (row.text(at + 3)?, row.text(at + 4)?);
        Ok(Self {
            job: row.text(at)?,
            product: product_key(row, at + 1)?,
            to: version(row, at + 2)?.ok_or_else(|| SqlError("job without a version".to_owned()))?,
            mode: Mode::parse(&mode).ok_or_else(|| SqlError(format!("job mode {mode}")))?,
            state: JobState::parse(&state).ok_or_else(|| SqlError(format!("job state {state}")))?,
            held_because: row.opt_text(at + 5)?,
            terms: Terms {
                budget: Budget { loss_budget: row.int(at + 6)?, growth: row.int(at + 7)? },
                max_in_flight: row.int(at + 8)?,
                first_sign_within: row.int(at + 9)?,
                upgrade_timeout: row.int(at + 10)?,
                confirm_within: row.int(at + 11)?,
                reachable_within: row.int(at + 12)?,
            },
            devices: row.int(at + 13)?,
            counters: Counters {
                waiting: row.int(at + 14)?,
                in_flight: row.int(at + 15)?,
                succeeded: row.int(at + 16)?,
                failed: row.int(at + 17)?,
                timed_out: row.int(at + 18)?,
                canceled: row.int(at + 19)?,
                skipped: row.int(at + 20)?,
                exposed: row.int(at + 21)?,
                begun: row.int(at + 22)?,
            },
            created_at: row.int(at + 23)?,
        })
    }

    /// What decides over its state.
    pub fn rules(&self) -> Job {
        Job { state: self.state, budget: self.terms.budget, counters: self.counters }
    }

    /// Whether a slot is free, as far as this row knows; the slot statement decides.
    pub fn has_slot(&self) -> bool {
        self.state == JobState::Running
            && self.counters.in_flight < self.terms.max_in_flight
            && self.terms.budget.has_slot(self.counters.exposed, self.counters.succeeded)
    }
}

/// A firmware, as registered.
#[derive(Debug, Clone)]
pub struct FirmwareRecord {
    /// Whose devices it is for.
    pub product: ProductKey,
    /// What a device informs that runs it.
    pub version: Version,
    /// Its place in the order of registration, from 1: the only order there is.
    pub sequence: i64,
    /// Its bytes.
    pub image: Image,
    /// Their MD5.
    pub md5: Md5,
    /// Which digest devices are told.
    pub sign_method: SignMethod,
    /// When a block was found damaged (ms).
    pub quarantined_at: Option<i64>,
}

impl FirmwareRecord {
    pub(crate) const COLUMNS: &str = "f.product, f.version, f.sequence, f.object, f.size, f.md5, f.sha256, \
         f.blocks_root, f.sign_method, f.quarantined_at";

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let bad = |what: &str| SqlError(format!("firmware with a bad {what}"));
        let method = row.text(at + 8)?;
        Ok(Self {
            product: product_key(row, at)?,
            version: version(row, at + 1)?.ok_or_else(|| bad("version"))?,
            sequence: row.int(at + 2)?,
            image: Image {
                object: ObjectId::parse(&row.text(at + 3)?).map_err(|_| bad("object"))?,
                size: u64::try_from(row.int(at + 4)?).map_err(|_| bad("size"))?,
                sha256: Sha256::parse(&row.text(at + 6)?).map_err(|_| bad("sha256"))?,
                blocks_root: BlocksRoot::parse(&row.text(at + 7)?).map_err(|_| bad("blocks root"))?,
            },
            md5: Md5::parse(&row.text(at + 5)?).map_err(|_| bad("md5"))?,
            sign_method: SignMethod::parse(&method).ok_or_else(|| bad("sign method"))?,
            quarantined_at: row.opt_int(at + 9)?,
        })
    }

    /// The digest that devices are told, in lower-case hex.
    pub fn sign(&self) -> String {
        match self.sign_method {
            SignMethod::Md5 => self.md5.to_string(),
            SignMethod::Sha256 => self.image.sha256.to_string(),
        }
    }
}

fn product_key(row: &Row, at: usize) -> Result<ProductKey, SqlError> {
    ProductKey::parse(&row.text(at)?).map_err(|error| SqlError(format!("stored product: {error}")))
}

fn device_id(row: &Row, at: usize) -> Result<DeviceId, SqlError> {
    let device =
        DeviceKey::parse(&row.text(at + 1)?).map_err(|error| SqlError(format!("stored device: {error}")))?;
    Ok(DeviceId { product: product_key(row, at)?, device })
}

fn version(row: &Row, at: usize) -> Result<Option<Version>, SqlError> {
    row.opt_text(at)?
        .map(|text| Version::parse(&text).map_err(|error| SqlError(format!("stored version: {error}"))))
        .transpose()
}
