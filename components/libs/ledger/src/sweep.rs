//! The sweep: what is due, who may be granted, what is to be delivered. Never the fleet.
//!
//! Each part is idempotent, bounded per call, and safe to run many times at once; it may be late without being
//! wrong. Each query is covered by a partial index.

use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_rollout::{Happening, Informed, TaskState, apply};

use crate::command::Command;
use crate::decide::{Decision, Landed};
use crate::record::{DeviceRecord, JobRecord};
use crate::transaction::End;
use crate::view::Assignment;
use crate::{Ledger, SqlError};

/// What one sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Grants that showed no sign in time.
    pub lapsed: u64,
    /// Devices silent for too long.
    pub timed_out: u64,
    /// Rollbacks that were not taken back.
    pub failed: u64,
    /// New grants.
    pub granted: u64,
    /// Whether there was more to do than one call may.
    pub more: bool,
}

/// The most decisions of a kind that one sweep makes.
pub const BATCH: usize = 100;

impl Ledger<'_> {
    /// Lapses, times out, concludes rollbacks and grants, at most [`BATCH`] of each.
    pub fn sweep(&self) -> Result<Swept, SqlError> {
        let mut swept = Swept::default();
        self.conclude_due(&mut swept)?;
        self.grant_ready(&mut swept)?;
        Ok(swept)
    }

    fn conclude_due(&self, swept: &mut Swept) -> Result<(), SqlError> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = self.sql.query(&self.dialect.text(DUE), &[limit.into()])?;
        swept.more |= rows.len() == BATCH;
        for row in rows {
            let (id, job) = (device_id(&row)?, row.text(2)?);
            match self.expire(&id, &job)? {
                Some(TaskState::Waiting) => swept.lapsed += 1,
                Some(TaskState::TimedOut) => swept.timed_out += 1,
                Some(_) => swept.failed += 1,
                None => {}
            }
        }
        Ok(())
    }

    /// The deadline of a task passed: its new state, or `None` when something else happened first.
    fn expire(&self, id: &DeviceId, job: &str) -> Result<Option<TaskState>, SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view(id)? else { return Ok(End::Rollback(None)) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(None)) };
            if assignment.record.deadline.is_none_or(|deadline| deadline > view.now) {
                return Ok(End::Rollback(None));
            }
            let happening = Happening::Due;
            let Ok(change) = apply(&assignment.record.task, happening) else {
                return Ok(End::Rollback(None));
            };
            let decision = Decision { happening, change, detail: None, actor: "sweep", is_carried: false };
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(Some(change.task.state)),
                Landed::Raced | Landed::NoSlot => End::Rollback(None),
            })
        })
    }

    fn grant_ready(&self, swept: &mut Swept) -> Result<(), SqlError> {
        let sql = format!("SELECT {} {OPEN_JOBS}", JobRecord::COLUMNS);
        for row in self.sql.query(&sql, &[])? {
            let job = JobRecord::read(&row, 0)?;
            let room = job.terms.max_in_flight - job.counters.in_flight;
            let limit = room.clamp(0, i64::try_from(BATCH).unwrap_or(i64::MAX));
            let ready =
                self.sql.query(&self.dialect.text(READY), &[job.job.as_str().into(), limit.into()])?;
            swept.more |= ready.len() == BATCH;
            for row in ready {
                match self.grant(&device_id(&row)?, &job.job)? {
                    Landed::Yes => swept.granted += 1,
                    Landed::Raced => {}
                    Landed::NoSlot => break,
                }
            }
        }
        Ok(())
    }

    /// Grants the device its task of `job`, if it is free and the job has a slot.
    fn grant(&self, id: &DeviceId, job: &str) -> Result<Landed, SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view(id)? else { return Ok(End::Rollback(Landed::Raced)) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(Landed::Raced)) };
            let is_free = view.live().is_none() && assignment.is_open(&view.device);
            let version = view.device.version.as_ref();
            // A device may have informed the target while its job was being created.
            let is_there = version == Some(&assignment.job.to);
            let happening = if is_there { Happening::Inform(Informed::Target) } else { Happening::Grant };
            let Ok(change) = apply(&assignment.record.task, happening) else {
                return Ok(End::Rollback(Landed::Raced));
            };
            if !is_free || version.is_none() {
                return Ok(End::Rollback(Landed::Raced));
            }
            let decision = Decision { happening, change, detail: None, actor: "sweep", is_carried: false };
            Ok(match self.write(&view, assignment, &decision)? {
                // No slot was needed, and none was taken.
                Landed::Yes if is_there => End::Commit(Landed::Raced),
                Landed::Yes => End::Commit(Landed::Yes),
                other => End::Rollback(other),
            })
        })
    }

    /// The commands to deliver now to devices whose session `bridge` holds (`None`: no bridge holds it, they are
    /// published through the broker), each with its device. They come again, ever later, until a first sign.
    pub fn deliveries(&self, bridge: Option<&str>) -> Result<Vec<(DeviceId, Command)>, SqlError> {
        let sql = self.dialect.text(DELIVERIES).replace("{device}", DeviceRecord::COLUMNS);
        let sql = sql.replace("{assignment}", &Assignment::columns());
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = self.sql.query(&sql, &[bridge.unwrap_or("").into(), limit.into()])?;
        let mut commands = Vec::new();
        for row in rows {
            let device = DeviceRecord::read(&row, 2)?;
            let Some(assignment) = Assignment::read(&row, 2 + DeviceRecord::WIDTH)? else { continue };
            let id = device.id.clone();
            let view =
                crate::view::View { now: row.int(0)?, epoch: row.int(1)?, device, tasks: vec![assignment] };
            let Some(command) = view.undelivered() else { continue };
            self.sql.execute(
                &self.dialect.text(PUSHED),
                &[view_job(&view).into(), id.device.as_str().into(), command.push_id.clone().into()],
            )?;
            commands.push((id, command));
        }
        Ok(commands)
    }

    /// A bridge saw the device acknowledge the command `push_id`: a first sign.
    pub fn delivered(&self, push_id: &str) -> Result<(), SqlError> {
        for row in self.sql.query(PUSHED_TO, &[push_id.into()])? {
            self.acknowledge(&device_id(&row)?, push_id, None)?;
        }
        Ok(())
    }

    /// Counters that are not the counts of their tasks, as `(job, what)`; empty when all is well.
    pub fn miscounts(&self, job: &str) -> Result<Vec<String>, SqlError> {
        let rows = self.sql.query(COUNTED, &[job.into()])?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let names = [
            "waiting",
            "in_flight",
            "succeeded",
            "failed",
            "timed_out",
            "canceled",
            "skipped",
            "exposed",
            "begun",
        ];
        let mut wrong = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let (counter, count) = (row.int(2 * n)?, row.int(2 * n + 1)?);
            if counter != count {
                wrong.push(format!("{name} is {counter}, counted {count}"));
            }
        }
        Ok(wrong)
    }
}

fn view_job(view: &crate::view::View) -> &str {
    view.tasks.first().map_or("", |assignment| assignment.job.job.as_str())
}

fn device_id(row: &crate::Row) -> Result<DeviceId, SqlError> {
    let bad = |error: &dyn std::fmt::Display| SqlError(format!("stored key: {error}"));
    Ok(DeviceId {
        product: ProductKey::parse(&row.text(0)?).map_err(|error| bad(&error))?,
        device: DeviceKey::parse(&row.text(1)?).map_err(|error| bad(&error))?,
    })
}

const DUE: &str = "SELECT product, device, job FROM task
    WHERE state IN ('granted', 'downloading', 'upgrading') AND deadline <= {now}
    ORDER BY deadline LIMIT $1";
const OPEN_JOBS: &str = "FROM job j
    WHERE j.state = 'running' AND j.mode = 'push' AND j.waiting > 0 AND j.in_flight < j.max_in_flight
        AND (j.exposed < j.loss_budget + j.growth * j.succeeded / 1000)
    ORDER BY j.created_at LIMIT 100";
const READY: &str = "SELECT t.product, t.device FROM task t
    WHERE t.job = $1 AND t.state = 'waiting' AND t.ready_until > {now}
        AND NOT EXISTS (SELECT 1 FROM task o WHERE o.product = t.product AND o.device = t.device
            AND o.state IN ('granted', 'downloading', 'upgrading'))
    LIMIT $2";
const DELIVERIES: &str = "SELECT {now}, (SELECT l.epoch FROM ledger l), {device}, {assignment}
    FROM task t
    JOIN device d ON d.product = t.product AND d.device = t.device
    JOIN job j ON j.job = t.job
    JOIN firmware f ON f.product = j.product AND f.version = j.version
    WHERE t.state = 'granted' AND t.signed = 0 AND t.push_at <= {now}
        AND j.state = 'running' AND f.quarantined_at IS NULL AND t.generation = d.generation
        AND COALESCE(d.bridge, '') = $1 AND (d.connected = 1 OR $1 = '')
    ORDER BY t.push_at LIMIT $2";
/// 2, 4, 8, … 64 s apart.
const PUSHED: &str = "UPDATE task SET pushes = pushes + 1,
        push_at = {now} + CASE pushes WHEN 0 THEN 2000 WHEN 1 THEN 4000 WHEN 2 THEN 8000 WHEN 3 THEN 16000
            WHEN 4 THEN 32000 ELSE 64000 END
    WHERE job = $1 AND device = $2 AND push_id = $3";
const PUSHED_TO: &str =
    "SELECT product, device FROM task WHERE push_id = $1 AND state = 'granted' AND signed = 0";
const COUNTED: &str = "SELECT
        j.waiting, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'waiting'),
        j.in_flight, (SELECT COUNT(*) FROM task t WHERE t.job = j.job
            AND t.state IN ('granted', 'downloading', 'upgrading')),
        j.succeeded, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'succeeded'),
        j.failed, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'failed'),
        j.timed_out, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'timed_out'),
        j.canceled, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'canceled'),
        j.skipped, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.state = 'skipped'),
        j.exposed, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.exposed = 1),
        j.begun, (SELECT COUNT(*) FROM task t WHERE t.job = j.job AND t.begun = 1)
    FROM job j WHERE j.job = $1";
