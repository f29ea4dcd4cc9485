//! Jobs: created whole, shown, stopped.

use ota_protocol::key::{DeviceKey, ProductKey};
use ota_protocol::version::Version;
use ota_rollout::{JobState, Mode, Terms};

use crate::event::NewEvent;
use crate::record::{JobRecord, TaskRecord};
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
    /// Who starts an update.
    pub mode: Mode,
    /// What the operator set.
    pub terms: Terms,
    /// Which devices.
    pub scope: Scope,
}

/// The devices of a job, fixed when it is created.
///
/// A registered device that has not yet informed a version joins, and waits until it does.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All devices of the product.
    All,
    /// Those that informed one of these versions.
    From(Vec<Version>),
    /// These.
    Devices(Vec<DeviceKey>),
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
    /// A device of the list is not registered.
    #[error("device {0} is not registered")]
    NoDevice(DeviceKey),
    /// The scope is empty.
    #[error("no device is in the scope of the job")]
    Empty,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] SqlError),
}

impl Ledger<'_> {
    /// Creates a running job with its tasks. Devices that informed the target already are skipped.
    /// Repeating it, because nobody heard that it was done, changes nothing.
    pub fn create_job(&self, new: &NewJob) -> Result<JobRecord, NotCreated> {
        if let Some(job) = self.job(&new.id)? {
            return Ok(job);
        }
        match self.firmware(&new.product, &new.to)? {
            None if !self.has_product(&new.product)? => {
                return Err(NotCreated::NoProduct(new.product.clone()));
            }
            None => return Err(NotCreated::NoFirmware(new.to.clone())),
            Some(firmware) if firmware.quarantined_at.is_some() => {
                return Err(NotCreated::Quarantined(new.to.clone()));
            }
            Some(_) => {}
        }
        if let Scope::Devices(devices) = &new.scope
            && let Some(unknown) = self.first_unknown(&new.product, devices)?
        {
            return Err(NotCreated::NoDevice(unknown.clone()));
        }
        self.transaction(|| {
            // Damage may have been found since it was looked at.
            if self.firmware(&new.product, &new.to)?.is_some_and(|firmware| firmware.quarantined_at.is_some())
            {
                return Ok(End::Rollback(Err(NotCreated::Quarantined(new.to.clone()))));
            }
            if self.snapshot(new)? == 0 {
                return Ok(End::Rollback(Err(NotCreated::Empty)));
            }
            self.insert_job(new)?;
            self.append(&NewEvent {
                kind: "job_created",
                device: None,
                product: Some(new.product.as_str()),
                job: Some(&new.id),
                actor: "operator",
                detail: Some(new.to.as_str()),
            })?;
            self.settle(&new.id)?;
            // Read before the commit: behind it nothing may fail, or its creator would create it again.
            Ok(End::Commit(self.job(&new.id)?.ok_or(NotCreated::Empty)))
        })?
    }

    /// Makes the tasks of the scope; how many.
    fn snapshot(&self, new: &NewJob) -> Result<u64, SqlError> {
        let snapshot = |filter: &str, value: Option<&str>| {
            let mut values: Vec<Value> = vec![
                new.id.as_str().into(),
                new.to.as_str().into(),
                new.terms.reachable_within.into(),
                new.product.as_str().into(),
            ];
            values.extend(value.map(Value::from));
            self.sql
                .execute(&format!("{} {filter} ON CONFLICT DO NOTHING", self.dialect.text(SNAPSHOT)), &values)
        };
        match &new.scope {
            Scope::All => snapshot("", None),
            Scope::From(versions) => {
                versions.iter().map(|version| snapshot("AND d.version = $5", Some(version.as_str()))).sum()
            }
            Scope::Devices(devices) => {
                devices.iter().map(|device| snapshot("AND d.device = $5", Some(device.as_str()))).sum()
            }
        }
    }

    fn insert_job(&self, new: &NewJob) -> Result<(), SqlError> {
        let terms = &new.terms;
        self.sql.execute(
            &self.dialect.text(INSERT_JOB),
            &[
                new.id.as_str().into(),
                new.product.as_str().into(),
                new.to.as_str().into(),
                new.mode.as_str().into(),
                terms.budget.loss_budget.into(),
                terms.budget.growth.into(),
                terms.max_in_flight.into(),
                terms.first_sign_within.into(),
                terms.upgrade_timeout.into(),
                terms.confirm_within.into(),
                terms.reachable_within.into(),
            ],
        )?;
        Ok(())
    }

    /// The job `id`.
    pub fn job(&self, id: &str) -> Result<Option<JobRecord>, SqlError> {
        let sql = format!("SELECT {} FROM job j WHERE j.job = $1", JobRecord::COLUMNS);
        self.sql.query(&sql, &[id.into()])?.first().map(|row| JobRecord::read(row, 0)).transpose()
    }

    /// All jobs, newest first, at most `limit`; of one product when `product` is given.
    pub fn jobs(&self, product: Option<&ProductKey>, limit: i64) -> Result<Vec<JobRecord>, SqlError> {
        let select = format!("SELECT {} FROM job j", JobRecord::COLUMNS);
        let rows = match product {
            Some(product) => self.sql.query(
                &format!("{select} WHERE j.product = $1 ORDER BY j.created_at DESC LIMIT $2"),
                &[product.as_str().into(), limit.into()],
            )?,
            None => {
                self.sql.query(&format!("{select} ORDER BY j.created_at DESC LIMIT $1"), &[limit.into()])?
            }
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

    /// At most `limit` tasks of a job whose device keys come after `after`, in the order of keys.
    pub fn tasks(&self, job: &str, after: &str, limit: i64) -> Result<Vec<TaskRecord>, SqlError> {
        let sql = TASKS.replace("{columns}", TaskRecord::COLUMNS);
        let rows = self.sql.query(&sql, &[job.into(), after.into(), limit.into()])?;
        let read = rows.iter().map(|row| TaskRecord::read(row, 0));
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Stops the job: from here on no download begins. What began goes on to its verdict.
    /// `None` when there is no such job; stopping one that has ended or stopped changes nothing.
    pub fn stop_job(&self, id: &str) -> Result<Option<JobRecord>, SqlError> {
        self.transaction(|| {
            if self.sql.execute(STOP, &[id.into()])? == 1 {
                self.append(&NewEvent {
                    kind: JobState::Stopped.as_str(),
                    device: None,
                    product: None,
                    job: Some(id),
                    actor: "operator",
                    detail: None,
                })?;
            }
            Ok(End::Commit(()))
        })?;
        self.job(id)
    }
}

/// Connected devices are ready until they disconnect, others for a while after they were heard.
const SNAPSHOT: &str =
    "INSERT INTO task (job, device, product, generation, state, from_version, ready_until, ended_at)
    SELECT $1, d.device, d.product, d.generation,
        CASE WHEN d.version = $2 THEN 'skipped' ELSE 'waiting' END, d.version,
        CASE WHEN d.version IS NULL THEN 0 WHEN d.connected = 1 THEN 9007199254740992
            ELSE d.heard_at + CAST($3 AS BIGINT) END,
        CASE WHEN d.version = $2 THEN {now} END
    FROM device d WHERE d.product = $4";
const INSERT_JOB: &str = "INSERT INTO job (job, product, version, mode, state, loss_budget, growth, max_in_flight,
        first_sign_within, upgrade_timeout, confirm_within, reachable_within, devices, waiting, skipped, created_at)
    SELECT $1, $2, $3, $4, 'running', CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS BIGINT),
        CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS BIGINT), COUNT(*),
        COUNT(CASE WHEN t.state = 'waiting' THEN 1 END), COUNT(CASE WHEN t.state = 'skipped' THEN 1 END), {now}
    FROM task t WHERE t.job = $1";
const OPEN_REQUESTS: &str = "SELECT j.job, j.version FROM product p
    LEFT JOIN job j ON j.product = p.product AND j.state = 'running' AND j.mode = 'request'
    WHERE p.product = $1 ORDER BY j.created_at";
const TASKS: &str =
    "SELECT {columns} FROM task t WHERE t.job = $1 AND t.device > $2 ORDER BY t.device LIMIT $3";
const STOP: &str = "UPDATE job SET state = 'stopped', held_because = NULL
    WHERE job = $1 AND state IN ('running', 'held')";
