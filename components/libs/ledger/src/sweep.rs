//! The sweep: what is due, who may be granted, what is to be delivered. Never the fleet.
//!
//! Each part is idempotent, bounded per call, and safe to run many times at once; it may be late without being
//! wrong. Each query is covered by a partial index.

use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_rollout::{Happening, Informed, JobState, Kind, Task, TaskState, apply};

use crate::decide::{Decision, Landed};
use crate::grant::Barrier;
use crate::inform::is_back_from;
use crate::record::JobRecord;
use crate::transaction::End;
use crate::view::{Assignment, View};
use crate::{Ledger, Row, SqlError};

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

/// The most deadlines that one sweep concludes, and the most commands that one call delivers.
pub const BATCH: usize = 100;
/// The most devices that one sweep grants.
pub const GRANTS: usize = 300;
/// A part of a sweep that meets so many devices for which it can do nothing lets the others wait.
pub(crate) const MOST_FAILURES: usize = 3;
/// The most jobs that one sweep looks at for devices to grant.
const JOBS: usize = 100;

impl Ledger<'_> {
    /// Makes tasks of new jobs, lapses, times out, retries, concludes rollbacks, opens stages and grants: a bounded
    /// number of each.
    pub fn sweep(&self) -> Result<Swept, SqlError> {
        self.sweep_while(&|| true)
    }

    /// The same, and no further deadline is concluded and no further device granted once `has_time` says no: what is
    /// left is more for the next sweep.
    pub fn sweep_while(&self, has_time: &dyn Fn() -> bool) -> Result<Swept, SqlError> {
        let mut swept = Swept::default();
        // One part that fails keeps no other from its work.
        let parts = [
            self.fill_next(),
            self.conclude_due(&mut swept, has_time),
            self.open_stages(),
            self.grant_ready(&mut swept, has_time),
            self.purge().map(|has_more| swept.more |= has_more),
            self.check_counters(),
        ];
        parts.into_iter().collect::<Result<(), _>>()?;
        Ok(swept)
    }

    fn conclude_due(&self, swept: &mut Swept, has_time: &dyn Fn() -> bool) -> Result<(), SqlError> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = self.sql.query(&self.dialect.text(DUE), &[limit.into()])?;
        swept.more |= rows.len() == BATCH;
        let mut failures = Vec::new();
        for row in rows {
            if !has_time() {
                swept.more = true;
                break;
            }
            let (id, job) = (device_id(&row)?, row.text(2)?);
            match self.expire(&id, &job) {
                Ok(Some("lapsed")) => swept.lapsed += 1,
                Ok(Some("timed_out")) => swept.timed_out += 1,
                Ok(Some("failed" | "retrying")) => swept.failed += 1,
                Ok(_) => {}
                // A row that cannot be concluded comes first every time; a database that is away fails them all.
                Err(error) => failures.push(error),
            }
            if failures.len() == MOST_FAILURES {
                break;
            }
        }
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    /// The deadline of a task passed: the word for what became of it, or `None` when something else happened first.
    fn expire(&self, id: &DeviceId, job: &str) -> Result<Option<&'static str>, SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view_with(id, job)? else { return self.put_off(id, job) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(None)) };
            if assignment.record.deadline.is_none_or(|deadline| deadline > view.now) {
                return Ok(End::Rollback(None));
            }
            let task = as_due(&view, assignment);
            let Ok(change) = apply(&task, Happening::Due, &assignment.job.terms.retry) else {
                return self.put_off(id, job);
            };
            if let Some(later) = postponed(&view, assignment) {
                let values = [job.into(), id.device.as_str().into(), later.into()];
                self.sql.execute(POSTPONE, &values)?;
                return Ok(End::Commit(None));
            }
            let decision = Decision::by("sweep", Happening::Due, change);
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(Some(change.event)),
                Landed::Raced | Landed::NoSlot => End::Rollback(None),
            })
        })
    }

    /// A deadline that nothing follows from: the others must not wait behind it.
    fn put_off(&self, id: &DeviceId, job: &str) -> Result<End<Option<&'static str>>, SqlError> {
        self.sql.execute(&self.dialect.text(PUT_OFF), &[job.into(), id.device.as_str().into()])?;
        Ok(End::Commit(None))
    }

    fn grant_ready(&self, swept: &mut Swept, has_time: &dyn Fn() -> bool) -> Result<(), SqlError> {
        let sql = self.dialect.text(&format!("SELECT {{now}}, {} {OPEN_JOBS}", JobRecord::COLUMNS));
        let rows = self.sql.query(&sql, &[i64::try_from(JOBS).unwrap_or(i64::MAX).into()])?;
        let read = |row: &Row| Ok((row.int(0)?, JobRecord::read(row, 1)?));
        let mut jobs = rows.iter().map(read).collect::<Result<Vec<(i64, JobRecord)>, SqlError>>()?;
        jobs.sort_by_key(|(_, job)| (job.kind != Kind::Verify, job.created_at));
        let is_full = jobs.len() == JOBS;
        let mut left = GRANTS;
        let mut failures = Vec::new();
        for (now, job) in jobs {
            if let Some(opens_at) = job.schedule.opens_at(now) {
                self.sql.execute(LOOK_AT, &[job.job.as_str().into(), opens_at.into()])?;
                continue;
            }
            let before = left;
            left = self.grant_of(&job, left, swept, &mut failures, has_time)?;
            if failures.len() == MOST_FAILURES {
                break;
            }
            if left == 0 || !has_time() {
                swept.more = true;
                break;
            }
            if is_full && left == before {
                // Nobody of it is there: the next sweep looks at others first.
                self.sql.execute(LOOK_AT, &[job.job.as_str().into(), now.into()])?;
            }
        }
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    /// Grants at most `left` ready devices of `job`, from its first stage to the open one; how many are left.
    /// Those that are at risk already come first: their time runs. One that fails is passed over.
    fn grant_of(
        &self,
        job: &JobRecord,
        mut left: usize,
        swept: &mut Swept,
        failures: &mut Vec<SqlError>,
        has_time: &dyn Fn() -> bool,
    ) -> Result<usize, SqlError> {
        let room = job.terms.max_in_flight - job.counters.in_flight;
        let room = usize::try_from(room).unwrap_or(0);
        let mut room = room.min(left);
        let has_slot = job.terms.budget.has_slot(job.counters.exposed, job.counters.succeeded);
        let again = (job.counters.retrying > 0).then_some("AND t.exposed = 1");
        let any = has_slot.then_some("");
        let stages = |ready| (0..=job.stage).map(move |stage| (READY.replace("{again}", ready), stage));
        for (ready, stage) in again.into_iter().chain(any).flat_map(stages) {
            if room == 0 {
                break;
            }
            let limit = i64::try_from(room).unwrap_or(i64::MAX);
            let values = [job.job.as_str().into(), stage.into(), limit.into()];
            for row in self.sql.query(&self.dialect.text(&ready), &values)? {
                if !has_time() {
                    return Ok(left);
                }
                match device_id(&row).and_then(|id| self.grant(&id, &job.job)) {
                    Ok(Landed::Yes) => {
                        swept.granted += 1;
                        left -= 1;
                        room -= 1;
                    }
                    Ok(Landed::Raced) => {}
                    Ok(Landed::NoSlot) => return Ok(left),
                    Err(error) => failures.push(error),
                }
                if failures.len() == MOST_FAILURES {
                    return Ok(left);
                }
            }
        }
        Ok(left)
    }

    /// Grants the device its task of `job`, if it is free and the job has a slot.
    fn grant(&self, id: &DeviceId, job: &str) -> Result<Landed, SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view_with(id, job)? else { return self.pass_over(&[], id, job) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(Landed::Raced)) };
            let barriers = view.barriers(assignment);
            // A device may have informed the target while its job was being created.
            let has_arrived = is_back_from(&view, assignment, view.device.informed_at);
            let is_there = barriers == [Barrier::AlreadyThere] && has_arrived;
            if barriers.iter().any(Barrier::is_of_job) {
                return Ok(End::Rollback(Landed::NoSlot));
            }
            if !barriers.is_empty() && !is_there {
                return self.pass_over(&barriers, id, job);
            }
            let happening = if is_there { Happening::Inform(Informed::Target) } else { Happening::Grant };
            let retry = &assignment.job.terms.retry;
            let Ok(change) = apply(&assignment.record.task, happening, retry) else {
                return Ok(End::Rollback(Landed::Raced));
            };
            let decision = Decision::by("sweep", happening, change);
            Ok(match self.write(&view, assignment, &decision)? {
                // No slot was needed, and none was taken.
                Landed::Yes if is_there => End::Commit(Landed::Raced),
                Landed::Yes => End::Commit(Landed::Yes),
                other => End::Rollback(other),
            })
        })
    }

    /// A device that cannot be granted is asked again when it is heard: others must not wait behind it.
    fn pass_over(&self, barriers: &[Barrier], id: &DeviceId, job: &str) -> Result<End<Landed>, SqlError> {
        // It is not asked for while that lasts; afterwards its turn comes without a word of it.
        let is_under_way =
            |barrier: &Barrier| matches!(barrier, Barrier::Not(_) | Barrier::Busy(_) | Barrier::BacksOff(_));
        if barriers.iter().any(is_under_way) {
            return Ok(End::Rollback(Landed::Raced));
        }
        // Its next inform, changed or not, makes it ready again, and so does a connection: with the heartbeat of devices
        // it waits for at most that long. That goes for one whose version its product refused, too, once it no longer
        // does: to find those at once would be to search the fleet.
        self.sql.execute(UNREADY, &[job.into(), id.device.as_str().into()])?;
        Ok(End::Commit(Landed::Raced))
    }
}

pub(crate) fn device_id(row: &Row) -> Result<DeviceId, SqlError> {
    let bad = |error: &dyn std::fmt::Display| SqlError(format!("stored key: {error}"));
    Ok(DeviceId {
        product: ProductKey::parse(&row.text(0)?).map_err(|error| bad(&error))?,
        device: DeviceKey::parse(&row.text(1)?).map_err(|error| bad(&error))?,
    })
}

/// Until when a device at risk waits for its next attempt, when it is the job that cannot grant: what the device did
/// not cause is no verdict about it. One that missed a whole window is put off no further: a window may be shorter than
/// an attempt, and would be closed at each deadline.
fn postponed(view: &View, assignment: &Assignment) -> Option<i64> {
    let (task, job) = (&assignment.record.task, &assignment.job);
    if task.state != TaskState::Waiting || task.backing_off || job.state == JobState::Deleted {
        return None;
    }
    let opens_at = job.schedule.opens_at(view.now);
    let had_window = || {
        let from = assignment.record.deadline.map(|deadline| deadline - job.terms.upgrade_timeout);
        from.is_some_and(|from| job.schedule.opens_at(from - 1) == Some(from))
    };
    let may_grant = job.state == JobState::Running && (opens_at.is_none() || had_window());
    (!may_grant).then(|| opens_at.unwrap_or(view.now) + job.terms.upgrade_timeout)
}

/// The task at its deadline. A device that its job kept from beginning was turned away, whether it asked or not.
fn as_due(view: &View, assignment: &Assignment) -> Task {
    let (task, job) = (&assignment.record.task, &assignment.job);
    let may_begin = job.state == JobState::Running && job.schedule.opens_at(view.now).is_none();
    Task { refused: task.refused || (task.state == TaskState::Granted && !may_begin), ..*task }
}

const POSTPONE: &str = "UPDATE task SET deadline = $3, times_out_at = $3
    WHERE job = $1 AND device = $2 AND state = 'waiting'";
const PUT_OFF: &str = "UPDATE task SET deadline = CASE
        WHEN state IN ('granted', 'downloading', 'upgrading') OR backing_off = 1 THEN {now} + 3600000 END
    WHERE job = $1 AND device = $2";
const DUE: &str = "SELECT product, device, job FROM task
    WHERE deadline IS NOT NULL AND deadline <= {now}
    ORDER BY deadline LIMIT $1";
const OPEN_JOBS: &str = "FROM job j
    WHERE j.state = 'running' AND j.mode = 'push' AND j.waiting > 0 AND j.in_flight < j.max_in_flight
        AND j.look_at <= {now} AND (j.per_minute = 0 OR j.paced_until <= {now} + 1000)
        AND (j.exposed < j.loss_budget + j.growth * j.succeeded / 1000 OR j.retrying > 0)
    ORDER BY CASE WHEN j.kind = 'verify' THEN 0 ELSE 1 END, j.look_at, j.created_at LIMIT $1";
const LOOK_AT: &str = "UPDATE job SET look_at = $2 WHERE job = $1 AND state = 'running'";
/// Those that are connected first, then those heard last: in the order of the index, so that what is out of reach is
/// not read.
const READY: &str = "SELECT t.product, t.device FROM task t
    WHERE t.job = $1 AND t.stage = $2 AND t.state = 'waiting' AND t.backing_off = 0 AND t.ready_until > {now} {again}
        AND NOT EXISTS (SELECT 1 FROM task o WHERE o.product = t.product AND o.device = t.device
            AND o.state IN ('granted', 'downloading', 'upgrading'))
    ORDER BY t.ready_until DESC LIMIT $3";
const UNREADY: &str = "UPDATE task SET ready_until = 0 WHERE job = $1 AND device = $2 AND state = 'waiting'";
