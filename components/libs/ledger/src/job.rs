//! Jobs: created, and shown. What they name is written by `named`, their tasks are made by `fill`, what people do to
//! them is in `control`.

use ota_protocol::key::{DeviceKey, ProductKey};
use ota_protocol::version::Version;
use ota_rollout::{JobState, Kind, Mode, Schedule, Stage, Terms, stage};

use crate::event::NewEvent;
use crate::record::{FirmwareRecord, JobRecord, TaskRecord};
use crate::scope::{Scope, in_scope};
use crate::transaction::End;
use crate::{Ledger, SqlError, Value};

/// A job to be created.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id, from [`Ledger::new_job_id`].
    pub id: String,
    /// Whose devices.
    pub product: ProductKey,
    /// To which version.
    pub to: Version,
    /// What it is for.
    pub kind: Kind,
    /// Who starts an update.
    pub mode: Mode,
    /// What the operator set.
    pub terms: Terms,
    /// When it may grant.
    pub schedule: Schedule,
    /// Which devices.
    pub scope: Scope,
    /// Whether it takes in devices that come later.
    pub is_incremental: bool,
    /// Whether it may bring devices to an older firmware.
    pub is_downgrade: bool,
    /// Devices that go first, all of which must succeed; empty for none.
    pub canary: Vec<DeviceKey>,
    /// How long the job rests after the canaries (ms).
    pub canary_soak: i64,
    /// The stages, checked; empty for none.
    pub stages: Vec<Stage>,
    /// How many devices the firmware has exposed in other jobs, as far as the operator knows.
    pub exposed_elsewhere: i64,
}

impl NewJob {
    /// An upgrade of all devices of a product that says nothing else.
    pub fn new(id: String, product: ProductKey, to: Version) -> Self {
        Self {
            id,
            product,
            to,
            kind: Kind::Upgrade,
            mode: Mode::Push,
            terms: Terms::DEFAULT,
            schedule: Schedule::from_start(0),
            scope: Scope::default(),
            is_incremental: false,
            is_downgrade: false,
            canary: Vec::new(),
            canary_soak: 0,
            stages: Vec::new(),
            exposed_elsewhere: 0,
        }
    }
}

/// Why a job is not created.
#[derive(Debug, thiserror::Error)]
pub enum NotCreated {
    /// The product is not registered.
    #[error("product {0} is not registered")]
    NoProduct(ProductKey),
    /// The version is not registered.
    #[error("firmware {0} is not registered")]
    NoFirmware(Version),
    /// A block of it was found damaged.
    #[error("firmware {0} is quarantined")]
    Quarantined(Version),
    /// A firmware on the way is damaged: no device could pass through it.
    #[error("firmware {0}, which devices must pass through, is quarantined")]
    Gap(String),
    /// It may only be rolled out after a verification job, and none has succeeded.
    #[error("firmware {0} is not verified")]
    NotVerified(Version),
    /// A verification job would take in too many.
    #[error("a verification job of firmware {to} takes at most {most} devices, its scope has more")]
    TooMany {
        /// The firmware.
        to: Version,
        /// Its `verify_most`.
        most: i64,
    },
    /// A device that it names is not registered.
    #[error("device {0} is not registered")]
    NoDevice(String),
    /// A canary is not among the devices of the job.
    #[error("canary {0} is not in the scope of the job")]
    CanaryOutside(String),
    /// The firmware has exposed devices in other jobs, which the call does not repeat.
    #[error("firmware {to} has exposed {exposed} devices in other jobs, the call says {said}")]
    ExposedElsewhere {
        /// The firmware.
        to: Version,
        /// How many.
        exposed: i64,
        /// What the call says.
        said: i64,
    },
    /// The scope is empty.
    #[error("no device is in the scope of the job")]
    Empty,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] SqlError),
}

impl Ledger<'_> {
    /// Creates a job with its first tasks, in one transaction; the sweep makes the rest of a large one (state
    /// `preparing`). Devices that run the target already, or something newer, are skipped.
    /// Repeating it, because nobody heard that it was done, changes nothing.
    pub fn create_job(&self, new: &NewJob) -> Result<JobRecord, NotCreated> {
        if let Some(job) = self.job(&new.id)? {
            return Ok(job);
        }
        let created = self.transaction(|| {
            Ok(match self.insert_first(new)? {
                Ok(job) => End::Commit(Ok(job)),
                Err(why) => End::Rollback(Err(why)),
            })
        })??;
        Ok(self.with_further(created))
    }

    /// Inside a transaction: the job with its first tasks.
    pub(crate) fn insert_first(&self, new: &NewJob) -> Result<Result<JobRecord, NotCreated>, SqlError> {
        match self.insert(new) {
            Ok(()) => {
                self.fill_chunk(&new.id)?;
                Ok(self.job(&new.id)?.ok_or(NotCreated::Empty))
            }
            Err(NotCreated::Ledger(error)) => Err(error),
            Err(why) => Ok(Err(why)),
        }
    }

    /// The job that has just been created, with further tasks.
    pub(crate) fn with_further(&self, created: JobRecord) -> JobRecord {
        if created.state != JobState::Preparing {
            return created;
        }
        // It is created: a ledger that fails from here on leaves the rest to the sweep.
        let further = self.fill_further(&created.job).and_then(|()| self.job(&created.job));
        further.ok().flatten().unwrap_or(created)
    }

    /// Inside a transaction: checks everything, and writes the job in state `preparing` with what it names.
    pub(crate) fn insert(&self, new: &NewJob) -> Result<(), NotCreated> {
        self.lock_product(&new.product)?;
        let firmware = self.target_of(new)?;
        self.insert_named(new)?;
        let rows = self.sql.query(UNKNOWN, &[new.id.as_str().into(), new.product.as_str().into()])?;
        if let Some(row) = rows.first() {
            return Err(NotCreated::NoDevice(row.text(0)?));
        }
        self.insert_row(new)?;
        self.check_canary(new)?;
        let most = if new.kind == Kind::Verify { firmware.duties.verify_most } else { 0 };
        let count = self.count_scope(&new.id, most + 1)?;
        if count == 0 && !new.is_incremental {
            return Err(NotCreated::Empty);
        }
        if new.kind == Kind::Verify && count > most {
            return Err(NotCreated::TooMany { to: new.to.clone(), most });
        }
        self.append(&NewEvent {
            kind: "job_created",
            product: Some(new.product.as_str()),
            job: Some(&new.id),
            actor: "operator",
            detail: Some(new.to.as_str()),
            ..NewEvent::default()
        })?;
        Ok(())
    }

    /// The firmware of the job, if it may be brought to devices.
    fn target_of(&self, new: &NewJob) -> Result<FirmwareRecord, NotCreated> {
        let to = || new.to.clone();
        let Some(firmware) = self.firmware(&new.product, &new.to)? else {
            let is_known = self.has_product(&new.product)?;
            return Err(if is_known {
                NotCreated::NoFirmware(to())
            } else {
                NotCreated::NoProduct(new.product.clone())
            });
        };
        if firmware.quarantined_at.is_some() {
            return Err(NotCreated::Quarantined(to()));
        }
        let key = [new.product.as_str().into(), new.to.as_str().into()];
        if !new.is_downgrade
            && let Some(row) = self.sql.query(GAP, &key)?.first()
        {
            return Err(NotCreated::Gap(row.text(0)?));
        }
        let needs_proof = new.kind == Kind::Upgrade && firmware.duties.needs_verification;
        if needs_proof && !self.is_verified(&firmware)? {
            return Err(NotCreated::NotVerified(to()));
        }
        let rows = self.sql.query(EXPOSED_ELSEWHERE, &key)?;
        let exposed = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if exposed > 0 && exposed != new.exposed_elsewhere {
            let said = new.exposed_elsewhere;
            return Err(NotCreated::ExposedElsewhere { to: to(), exposed, said });
        }
        Ok(firmware)
    }

    fn insert_row(&self, new: &NewJob) -> Result<(), SqlError> {
        let (terms, retry) = (&new.terms, &new.terms.retry);
        let (multiplier, shift) = stage::spread(&new.id);
        let windows = Some(new.schedule.to_text()).filter(|text| !text.is_empty());
        let stages = new.stage_rows();
        let (_, soak, pass) = stages.first().copied().unwrap_or((0, 0, 1000));
        let last_stage = i64::try_from(stages.len()).unwrap_or(1) - 1;
        let values: Vec<Value> = vec![
            new.id.as_str().into(),
            new.product.as_str().into(),
            new.to.as_str().into(),
            new.kind.as_str().into(),
            new.mode.as_str().into(),
            terms.budget.loss_budget.into(),
            terms.budget.growth.into(),
            terms.max_failure_rate.into(),
            terms.max_in_flight.into(),
            terms.per_minute.into(),
            retry.attempts.into(),
            retry.backoff.into(),
            retry.reasons.bits().into(),
            terms.first_sign_within.into(),
            terms.upgrade_timeout.into(),
            terms.confirm_within.into(),
            terms.reachable_within.into(),
            new.schedule.starts_at().into(),
            windows.into(),
            i64::from(new.is_downgrade).into(),
            i64::from(new.is_incremental).into(),
            multiplier.into(),
            shift.into(),
            last_stage.into(),
            pass.into(),
            soak.into(),
        ];
        self.sql.execute(&self.dialect.text(INSERT_JOB), &values)?;
        self.sql.execute(COUNT_NAMED, &[new.id.as_str().into()])?;
        Ok(())
    }

    /// A canary that is not in the job would never speak for it.
    fn check_canary(&self, new: &NewJob) -> Result<(), NotCreated> {
        if new.canary.is_empty() {
            return Ok(());
        }
        let sql = CANARY_OUTSIDE.replace("{in_scope}", &in_scope("d.version"));
        match self.sql.query(&sql, &[new.id.as_str().into()])?.first() {
            Some(row) => Err(NotCreated::CanaryOutside(row.text(0)?)),
            None => Ok(()),
        }
    }

    /// How many devices the scope of a job has, counted no further than `most`.
    fn count_scope(&self, job: &str, most: i64) -> Result<i64, SqlError> {
        let count = COUNT_SCOPE.replace("{candidates}", &self.candidates(job)?.join());
        let count = count.replace("{in_scope}", &in_scope("d.version"));
        let rows = self.sql.query(&count, &[job.into(), most.into()])?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Whether a verification job of the firmware succeeded on enough devices.
    pub fn is_verified(&self, firmware: &FirmwareRecord) -> Result<bool, SqlError> {
        let values = [
            firmware.product.as_str().into(),
            firmware.version.as_str().into(),
            firmware.duties.verify_least.into(),
        ];
        Ok(!self.sql.query(VERIFIED, &values)?.is_empty())
    }

    /// The job `id`; a deleted one is none.
    pub fn job(&self, id: &str) -> Result<Option<JobRecord>, SqlError> {
        let sql =
            format!("SELECT {} FROM job j WHERE j.job = $1 AND j.state <> 'deleted'", JobRecord::COLUMNS);
        self.sql.query(&sql, &[id.into()])?.first().map(|row| JobRecord::read(row, 0)).transpose()
    }

    /// Jobs, newest first, at most `limit`; of one product when `product` is given; those created before the moment
    /// `before` (ms) when it is given.
    pub fn jobs(
        &self,
        product: Option<&ProductKey>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<JobRecord>, SqlError> {
        let select = format!("SELECT {} FROM job j WHERE j.state <> 'deleted'", JobRecord::COLUMNS);
        let before = before.unwrap_or(i64::MAX);
        let rows = match product {
            Some(product) => self.sql.query(
                &format!(
                    "{select} AND j.product = $1 AND j.created_at < $2 ORDER BY j.created_at DESC, j.job LIMIT $3"
                ),
                &[product.as_str().into(), before.into(), limit.into()],
            )?,
            None => self.sql.query(
                &format!("{select} AND j.created_at < $1 ORDER BY j.created_at DESC, j.job LIMIT $2"),
                &[before.into(), limit.into()],
            )?,
        };
        rows.iter().map(|row| JobRecord::read(row, 0)).collect()
    }

    /// The open request jobs of a product and their versions, for the catalogue; `None` for a product that is not
    /// registered.
    pub(crate) fn open_requests(
        &self,
        product: &ProductKey,
    ) -> Result<Option<Vec<(String, String)>>, SqlError> {
        let rows = self.sql.query(OPEN_REQUESTS, &[product.as_str().into()])?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut open = Vec::new();
        for row in &rows {
            if let Some(job) = row.opt_text(0)? {
                open.push((job, row.text(1)?));
            }
        }
        Ok(Some(open))
    }

    /// At most `limit` tasks of a job whose device keys come after `after`, in the order of keys; those in `state`
    /// when it is given.
    pub fn tasks(
        &self,
        job: &str,
        state: Option<ota_rollout::TaskState>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<TaskRecord>, SqlError> {
        let sql = TASKS.replace("{columns}", TaskRecord::COLUMNS);
        let state = state.map_or("", ota_rollout::TaskState::as_str);
        let rows = self.sql.query(&sql, &[job.into(), after.into(), state.into(), limit.into()])?;
        let read = rows.iter().map(|row| TaskRecord::read(row, 0));
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

const UNKNOWN: &str = "SELECT s.value FROM scope s
    WHERE s.job = $1 AND s.kind IN ('device', 'exclude', 'canary')
        AND NOT EXISTS (SELECT 1 FROM device d WHERE d.product = $2 AND d.device = s.value)
    ORDER BY s.value LIMIT 1";
/// `filled_to` is the empty text: no task is made yet. The sweep first looks when the job starts.
const INSERT_JOB: &str = "INSERT INTO job (job, product, version, kind, mode, state, loss_budget, growth,
        max_failure_rate, max_in_flight, per_minute, attempts, backoff, retry_reasons, first_sign_within,
        upgrade_timeout, confirm_within, reachable_within, starts_at, look_at, windows, downgrade, incremental,
        multiplier, shift, last_stage, stage_pass, stage_soak, filled_to, checked_at, created_at)
    VALUES ($1, $2, $3, $4, $5, 'preparing', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18,
        $19, $20, $21, $22, $23, $24, $25, $26, '', {now}, {now})";
const COUNT_NAMED: &str = "UPDATE job SET
        scope_devices = (SELECT COUNT(*) FROM scope s WHERE s.job = job.job AND s.kind = 'device'),
        scope_from = (SELECT COUNT(*) FROM scope s WHERE s.job = job.job AND s.kind = 'from'),
        scope_tags = (SELECT COUNT(*) FROM scope s WHERE s.job = job.job AND s.kind = 'tag')
    WHERE job = $1";
const CANARY_OUTSIDE: &str = "SELECT d.device FROM scope c JOIN job j ON j.job = c.job
    JOIN device d ON d.product = j.product AND d.device = c.value
    WHERE c.job = $1 AND c.kind = 'canary' AND NOT ({in_scope}) ORDER BY d.device LIMIT 1";
const COUNT_SCOPE: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM job j {candidates}
    WHERE j.job = $1 AND {in_scope} LIMIT $2) AS found";
const GAP: &str = "SELECT h.version FROM firmware h JOIN firmware g ON g.product = h.product
    WHERE h.product = $1 AND g.version = $2 AND h.must_pass = 1 AND h.sequence < g.sequence
        AND h.quarantined_at IS NOT NULL ORDER BY h.sequence LIMIT 1";
const EXPOSED_ELSEWHERE: &str = "SELECT CAST(COALESCE(SUM(exposed), 0) AS BIGINT) FROM job
    WHERE product = $1 AND version = $2";
const VERIFIED: &str = "SELECT 1 FROM job
    WHERE product = $1 AND version = $2 AND kind = 'verify' AND succeeded >= $3 LIMIT 1";
const OPEN_REQUESTS: &str = "SELECT j.job, j.version FROM product p
    LEFT JOIN job j ON j.product = p.product AND j.state = 'running' AND j.mode = 'request'
    WHERE p.product = $1 ORDER BY j.created_at";
const TASKS: &str = "SELECT {columns} FROM task t
    WHERE t.job = $1 AND t.device > $2 AND ($3 = '' OR t.state = $3) ORDER BY t.device LIMIT $4";
