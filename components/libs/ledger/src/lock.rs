//! Locks, taken in one order, so that no two wait for each other: product, firmware, bridge, device, its tasks, job,
//! stage. Beside that, a hook comes before its messages.
//! - Whoever takes several jobs (quarantine, hardware that goes, tags) holds their product; all others take one.
//! - Whoever takes several devices (sessions that begin or end) takes no job, the devices in the order of their keys, and
//!   no task of a deleted job: a purge takes those in any order, of many devices, and holds none of the devices.
//! - Behind a job come only rows that nobody reaches without it or without the device that is held: tasks that are being
//!   made or make room, offers that become void.
//! - A purge takes tasks of a job that was deleted, then that job. Whoever holds one device may want one of its
//!   tasks there: the purge waits for nothing else that it holds.
//! - What is written without the device's lock is one row, conditional, and waits for nothing: a step or words beside an
//!   attempt, a push that was made.

use ota_protocol::key::{DeviceId, ProductKey};

use crate::{Ledger, SqlError};

impl Ledger<'_> {
    /// Holds the product's row to the end of the transaction: before all others, and only while tasks are made, or while
    /// what they are made from changes otherwise than by the device itself.
    pub(crate) fn lock_product(&self, product: &ProductKey) -> Result<(), SqlError> {
        self.sql.execute(LOCK_PRODUCT, &[product.as_str().into()])?;
        Ok(())
    }

    /// The same for the product of a job.
    pub(crate) fn lock_product_of(&self, job: &str) -> Result<(), SqlError> {
        self.sql.execute(LOCK_PRODUCT_OF, &[job.into()])?;
        Ok(())
    }

    /// Holds the device's row to the end of the transaction.
    pub(crate) fn lock(&self, id: &DeviceId) -> Result<(), SqlError> {
        self.sql.execute(LOCK_DEVICE, &[id.product.as_str().into(), id.device.as_str().into()])?;
        Ok(())
    }

    /// Holds the job's row to the end of the transaction, for what reads it before it decides.
    pub(crate) fn lock_job(&self, job: &str) -> Result<(), SqlError> {
        self.sql.execute(LOCK_JOB, &[job.into()])?;
        Ok(())
    }
}

const LOCK_PRODUCT: &str = "UPDATE product SET created_at = created_at WHERE product = $1";
const LOCK_PRODUCT_OF: &str = "UPDATE product SET created_at = created_at
    WHERE product = (SELECT j.product FROM job j WHERE j.job = $1)";
const LOCK_DEVICE: &str = "UPDATE device SET session = session WHERE product = $1 AND device = $2";
const LOCK_JOB: &str = "UPDATE job SET checked_at = checked_at WHERE job = $1";
