//! Which devices a job takes in: the predicate, and a device that joins later.

use ota_protocol::key::{DeviceId, DeviceKey};
use ota_protocol::version::Version;

use crate::event::NewEvent;
use crate::stages::ONE_MORE_MEMBER;
use crate::transaction::End;
use crate::{Ledger, SqlError};

/// The devices of a job: those of its product that meet everything which is named. What is empty asks for nothing.
///
/// A registered device that has not yet informed a version joins, and waits until it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these.
    pub devices: Vec<DeviceKey>,
    /// Only those that run one of these.
    pub from: Vec<Version>,
    /// Only those that have all of these tags.
    pub tags: Vec<String>,
    /// None of these.
    pub exclude: Vec<DeviceKey>,
}

/// A job that a device may join.
struct Joinable {
    job: String,
    /// Whether hardware that the device had before has a task there.
    replaces: bool,
}

impl Ledger<'_> {
    /// The incremental jobs that the device joins once it runs `version`, in the order in which they are locked, at most
    /// 100.
    fn joinable(&self, id: &DeviceId, version: &Version) -> Result<Vec<Joinable>, SqlError> {
        let key = [id.product.as_str().into(), id.device.as_str().into(), version.as_str().into()];
        let rows = self.sql.query(&JOINABLE.replace("{joins}", &joins("$3")), &key)?;
        rows.iter().map(|row| Ok(Joinable { job: row.text(0)?, replaces: row.int(1)? == 1 })).collect()
    }

    /// The device joins the incremental jobs whose scope it meets once it runs `version`: a transaction for each.
    /// Whether there was one.
    pub fn join(&self, id: &DeviceId, version: &Version) -> Result<bool, SqlError> {
        self.join_each(id, version, |joinable| {
            self.transaction(|| {
                self.lock(id)?;
                let joins = self.join_job(id, version, joinable)?;
                Ok(if joins { End::Commit(true) } else { End::Rollback(false) })
            })
        })
    }

    /// Inside a transaction that holds the product and the device: the same. Whoever holds several jobs holds their
    /// product, so no two of these wait for each other.
    pub(crate) fn join_held(&self, id: &DeviceId, version: &Version) -> Result<bool, SqlError> {
        self.join_each(id, version, |joinable| self.join_job(id, version, joinable))
    }

    /// Whether `join` was done for one. There may be more jobs than one read shows.
    fn join_each(
        &self,
        id: &DeviceId,
        version: &Version,
        join: impl Fn(&Joinable) -> Result<bool, SqlError>,
    ) -> Result<bool, SqlError> {
        let mut has_joined = false;
        loop {
            let mut has_more = false;
            for joinable in self.joinable(id, version)? {
                has_more |= join(&joinable)?;
            }
            if !has_more {
                return Ok(has_joined);
            }
            has_joined = true;
        }
    }

    /// Inside a transaction that holds the device: it joins the job, if it is in its scope. Whether it did.
    ///
    /// New hardware of a device that was in the job before joins like any other. The task of the old hardware makes room
    /// and stays counted, so what it exposed stays exposed; attempts are counted on, so that no link of the old hardware,
    /// nor an offer to it, speaks of the new one.
    fn join_job(&self, id: &DeviceId, version: &Version, joinable: &Joinable) -> Result<bool, SqlError> {
        let job = joinable.job.as_str();
        // Before the task, so that the chunks of a job that is being prepared cannot pass by unseen.
        self.lock_job(job)?;
        if joinable.replaces {
            self.sql.execute(KEEP_FORMER, &[job.into(), id.device.as_str().into()])?;
            self.sql.execute(MAKE_ROOM, &[job.into(), id.device.as_str().into()])?;
        }
        let key =
            [job.into(), id.product.as_str().into(), id.device.as_str().into(), version.as_str().into()];
        let join = JOIN.replace("{joins}", &joins("$4")).replace("{stage}", STAGE_OF);
        if self.sql.execute(&self.dialect.text(&join), &key)? == 0 {
            if joinable.replaces {
                return Err(SqlError(format!("job {job} changed while new hardware joined it")));
            }
            return Ok(false);
        }
        self.sql.execute(ONE_MORE, &[job.into(), id.device.as_str().into()])?;
        self.append(&NewEvent {
            kind: "joined",
            device: Some(id),
            job: Some(job),
            detail: Some(version.as_str()),
            ..NewEvent::default()
        })?;
        // It may have no slot to give, and never again.
        if let Some(record) = self.job(job)? {
            if record.last_stage > 0 {
                self.sql.execute(ONE_MORE_MEMBER, &[job.into(), id.device.as_str().into()])?;
            }
            self.take_state(&record)?;
        }
        Ok(true)
    }
}

/// Whether device `d`, which runs `version` (SQL), joins the incremental job `j` to firmware `g`.
fn joins(version: &str) -> String {
    JOINS.replace("{in_scope}", &in_scope(version)).replace("{version}", version)
}

/// Whether device `d`, which runs `version` (SQL), is in the scope of job `j`.
pub(crate) fn in_scope(version: &str) -> String {
    [IS_NAMED, IS_FROM, HAS_TAGS, IS_NOT_EXCLUDED].join(" AND ").replace("{version}", version)
}

/// The parts of a scope, each of which device `d` must meet to be in that of job `j`.
pub(crate) const IS_NAMED: &str = "(j.scope_devices = 0 OR EXISTS (SELECT 1 FROM scope s
            WHERE s.job = j.job AND s.kind = 'device' AND s.value = d.device))";
pub(crate) const IS_FROM: &str = "(j.scope_from = 0 OR EXISTS (SELECT 1 FROM scope s
            WHERE s.job = j.job AND s.kind = 'from' AND s.value = {version}))";
pub(crate) const HAS_TAGS: &str = "(j.scope_tags = 0
            OR j.scope_tags = (SELECT COUNT(*) FROM scope s JOIN device_tag x
            ON x.product = d.product AND x.device = d.device AND x.tag = s.value
            WHERE s.job = j.job AND s.kind = 'tag'))";
pub(crate) const IS_NOT_EXCLUDED: &str = "NOT EXISTS (SELECT 1 FROM scope s
            WHERE s.job = j.job AND s.kind = 'exclude' AND s.value = d.device)";
/// The stage of device `d` in job `j`: canaries first, then by its place.
pub(crate) const STAGE_OF: &str = "CASE WHEN j.last_stage = 0 THEN 0
        WHEN EXISTS (SELECT 1 FROM scope s
            WHERE s.job = j.job AND s.kind = 'canary' AND s.value = d.device) THEN 0
        ELSE (SELECT COUNT(*) FROM stage s
            WHERE s.job = j.job AND s.upto <= (d.place * j.multiplier + j.shift) % 1000003) END";
/// A device that is there already, or beyond, has nothing to join for; one that the chunks have yet to reach, neither.
/// A stopped job takes it in as well: it may be resumed.
const JOINS: &str = "j.version <> {version} AND j.incremental = 1
        AND j.state IN ('preparing', 'running', 'held', 'paused', 'stopped') AND {in_scope}
        AND (j.kind <> 'verify' OR j.devices < g.verify_most)
        AND (j.filled_to IS NULL OR d.device <= j.filled_to)
        AND (j.downgrade = 1 OR NOT EXISTS (SELECT 1 FROM firmware v
            WHERE v.product = d.product AND v.version = {version} AND v.sequence > g.sequence))";
const JOINABLE: &str = "SELECT j.job, CASE WHEN t.job IS NULL THEN 0 ELSE 1 END
    FROM job j
    JOIN device d ON d.product = j.product AND d.device = $2
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    LEFT JOIN task t ON t.job = j.job AND t.device = d.device
    WHERE j.product = $1 AND (t.job IS NULL OR t.generation < d.generation) AND {joins}
    ORDER BY j.job LIMIT 100";
const JOIN: &str =
    "INSERT INTO task (job, device, product, generation, state, stage, from_version, ready_until, attempt)
    SELECT j.job, d.device, d.product, d.generation, 'waiting', {stage}, CAST($4 AS TEXT),
        CASE WHEN d.connected = 1 THEN 9007199254740992 ELSE {now} + j.reachable_within END,
        COALESCE((SELECT MAX(o.attempt) + 1 FROM former o WHERE o.job = j.job AND o.device = d.device), 0)
    FROM job j
    JOIN device d ON d.product = j.product
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    WHERE j.job = $1 AND d.product = $2 AND d.device = $3 AND {joins}
    ON CONFLICT DO NOTHING";
/// Its verdict stands: whoever replaced the hardware canceled what was open.
const KEEP_FORMER: &str = "INSERT INTO former (job, device, generation, state, stage, attempt, exposed, begun, reason, ended_at)
    SELECT t.job, t.device, t.generation, t.state, t.stage, t.attempt, t.exposed, t.begun, t.reason, t.ended_at
    FROM task t
    JOIN device d ON d.product = t.product AND d.device = t.device
    WHERE t.job = $1 AND t.device = $2 AND t.generation < d.generation
        AND t.state IN ('succeeded', 'failed', 'timed_out', 'canceled', 'skipped')";
const MAKE_ROOM: &str = "DELETE FROM task WHERE job = $1 AND device = $2
    AND EXISTS (SELECT 1 FROM former o
        WHERE o.job = task.job AND o.device = task.device AND o.generation = task.generation)";
const ONE_MORE: &str = "UPDATE job SET devices = devices + 1, waiting = waiting + 1,
        stage_members = stage_members + CASE WHEN stage =
            (SELECT t.stage FROM task t WHERE t.job = job.job AND t.device = $2) THEN 1 ELSE 0 END
    WHERE job = $1";
