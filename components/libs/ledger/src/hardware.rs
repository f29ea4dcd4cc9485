//! A device's hardware changes: it is replaced, or taken away. Older grants are void; what was exposed stays so.

use ota_protocol::key::DeviceId;
use ota_rollout::{Happening, apply};

use crate::decide::{Decision, Landed};
use crate::registry::by_operator;
use crate::transaction::End;
use crate::view::View;
use crate::{Ledger, SqlError};

impl Ledger<'_> {
    /// The device key gets new hardware with its own secret: a new generation, which has informed nothing and has no
    /// task. `false` when the device is not registered.
    pub fn replace_device(&self, id: &DeviceId, secret: &str) -> Result<bool, SqlError> {
        self.retire(id, |ledger| {
            let values = [id.product.as_str().into(), id.device.as_str().into(), secret.into()];
            ledger.sql.execute(&ledger.dialect.text(REPLACE), &values)?;
            ledger.append(&by_operator("device_replaced", None, Some(id)))
        })
    }

    /// Takes the device away. `false` when it is not registered.
    pub fn delete_device(&self, id: &DeviceId) -> Result<bool, SqlError> {
        self.retire(id, |ledger| {
            let key = [id.product.as_str().into(), id.device.as_str().into()];
            ledger.sql.execute(FORGET_TAGS, &key)?;
            ledger.sql.execute(DELETE, &key)?;
            ledger.append(&by_operator("device_deleted", None, Some(id)))
        })
    }

    /// One transaction, although it may touch many jobs: a task that outlived its hardware would wait for ever. Jobs
    /// are taken in the order of their ids, so that two of these cannot wait for each other.
    fn retire(
        &self,
        id: &DeviceId,
        change: impl FnOnce(&Self) -> Result<(), SqlError>,
    ) -> Result<bool, SqlError> {
        self.transaction(|| {
            // No chunk of tasks is being made meanwhile, with what the device was before.
            self.lock_product(&id.product)?;
            self.lock(id)?;
            // A view shows no more than so many tasks at once.
            loop {
                let Some(view) = self.view(id)? else { return Ok(End::Rollback(false)) };
                let jobs = open_jobs(&view);
                if jobs.is_empty() {
                    break;
                }
                for job in jobs {
                    self.void(&view, &job)?;
                }
            }
            change(self)?;
            Ok(End::Commit(true))
        })
    }

    /// Inside a transaction that holds the device: its open task of `job` is canceled.
    fn void(&self, view: &View, job: &str) -> Result<(), SqlError> {
        let changed = || SqlError(format!("the task of job {job} changed under its device's lock"));
        let assignment = view.of(job).ok_or_else(changed)?;
        let happening = Happening::Cancel;
        let retry = &assignment.job.terms.retry;
        let change = apply(&assignment.record.task, happening, retry).map_err(|_| changed())?;
        let detail = Some("hardware replaced");
        let decision = Decision { detail, ..Decision::by("operator", happening, change) };
        if self.write(view, assignment, &decision)? != Landed::Yes {
            return Err(changed());
        }
        Ok(())
    }
}

fn open_jobs(view: &View) -> Vec<String> {
    let open = view.tasks.iter().filter(|assignment| !assignment.record.task.state.is_ended());
    let mut jobs: Vec<String> = open.map(|assignment| assignment.job.job.clone()).collect();
    jobs.sort();
    jobs
}

/// What the old hardware said, and what is still on its way, is no word of the new one.
const REPLACE: &str =
    "UPDATE device SET generation = generation + 1, secret = $3, version = NULL, informed_at = {now}, heard_at = 0,
        connected = 0, bridge = NULL, session = 0
    WHERE product = $1 AND device = $2";
const FORGET_TAGS: &str = "DELETE FROM device_tag WHERE product = $1 AND device = $2";
const DELETE: &str = "DELETE FROM device WHERE product = $1 AND device = $2";
