//! Which devices a job takes in: the predicate, and a device that joins later.

use ota_protocol::key::{DeviceId, DeviceKey};
use ota_protocol::version::Version;

use crate::decide::LOCK_JOB;
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

impl Ledger<'_> {
    /// The incremental jobs that the device might join, in the order in which they are locked.
    pub(crate) fn joinable(&self, id: &DeviceId) -> Result<Vec<String>, SqlError> {
        let rows = self.sql.query(JOINABLE, &[id.product.as_str().into(), id.device.as_str().into()])?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// The device joins the incremental jobs whose scope it meets once it runs `version`: a transaction for each.
    /// Whether there was one.
    pub fn join(&self, id: &DeviceId, version: &Version) -> Result<bool, SqlError> {
        let mut has_joined = false;
        for job in self.joinable(id)? {
            has_joined |= self.transaction(|| {
                self.lock(id)?;
                let joins = self.join_job(id, version, &job)?;
                Ok(if joins { End::Commit(true) } else { End::Rollback(false) })
            })?;
        }
        Ok(has_joined)
    }

    /// Inside a transaction that holds the device: it joins `job`, if it is in its scope. Whether it did.
    pub(crate) fn join_job(&self, id: &DeviceId, version: &Version, job: &str) -> Result<bool, SqlError> {
        // Before the task, so that the chunks of a job that is being prepared cannot pass by unseen.
        self.sql.execute(LOCK_JOB, &[job.into()])?;
        let key =
            [job.into(), id.product.as_str().into(), id.device.as_str().into(), version.as_str().into()];
        let join = JOIN.replace("{in_scope}", &in_scope("$4")).replace("{stage}", STAGE_OF);
        if self.sql.execute(&self.dialect.text(&join), &key)? == 0 {
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
const JOINABLE: &str = "SELECT j.job FROM job j
    WHERE j.product = $1 AND j.incremental = 1 AND j.state IN ('preparing', 'running', 'held', 'paused', 'stopped')
        AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job = j.job AND t.device = $2)
    ORDER BY j.job LIMIT 100";
/// A device that is there already, or beyond, has nothing to join for; one that the chunks have yet to reach, neither.
/// A stopped job takes it in as well: it may be resumed.
const JOIN: &str =
    "INSERT INTO task (job, device, product, generation, state, stage, from_version, ready_until)
    SELECT j.job, d.device, d.product, d.generation, 'waiting', {stage}, CAST($4 AS TEXT),
        CASE WHEN d.connected = 1 THEN 9007199254740992 ELSE {now} + j.reachable_within END
    FROM job j
    JOIN device d ON d.product = j.product
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    WHERE j.job = $1 AND d.product = $2 AND d.device = $3 AND j.version <> $4
        AND j.state IN ('preparing', 'running', 'held', 'paused', 'stopped') AND {in_scope}
        AND (j.kind <> 'verify' OR j.devices < g.verify_most)
        AND (j.filled_to IS NULL OR d.device <= j.filled_to)
        AND (j.downgrade = 1 OR NOT EXISTS (SELECT 1 FROM firmware v
            WHERE v.product = d.product AND v.version = $4 AND v.sequence > g.sequence))
    ON CONFLICT DO NOTHING";
const ONE_MORE: &str = "UPDATE job SET devices = devices + 1, waiting = waiting + 1,
        stage_members = stage_members + CASE WHEN stage =
            (SELECT t.stage FROM task t WHERE t.job = job.job AND t.device = $2) THEN 1 ELSE 0 END
    WHERE job = $1";
