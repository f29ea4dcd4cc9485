//! Why a job does not have a device: the part of its scope that keeps it out, or that it came too late.

use ota_protocol::key::DeviceId;
use ota_rollout::{JobState, Kind};

use super::{Explained, Verdict};
use crate::grant::Barrier;
use crate::moment::Moment;
use crate::record::{DeviceRecord, JobRecord};
use crate::scope::{HAS_TAGS, IS_FROM, IS_NAMED, IS_NOT_EXCLUDED};
use crate::{Ledger, Row, SqlError};

/// A device beside a job that does not have it.
struct Outsider {
    job: JobRecord,
    device: DeviceRecord,
    /// What keeps it out.
    unmet: Vec<Part>,
    /// How many devices, source versions and tags the job names.
    names: [i64; 3],
    /// A tag that the device lacks.
    missing_tag: Option<String>,
    registered_at: i64,
    /// The places of its version and of the target in the order of registration.
    sequences: (Option<i64>, i64),
    /// The most devices of a verification job of the firmware.
    verify_most: i64,
}

/// A part of a job's scope.
#[derive(Clone, Copy)]
enum Part {
    Devices,
    From,
    Tags,
    Exclude,
}

impl Ledger<'_> {
    /// Why the device is not in `job`; when it is `None`, in each open job of its product.
    pub(super) fn outside(&self, id: &DeviceId, job: Option<&str>) -> Result<Vec<Explained>, SqlError> {
        let which = if job.is_some() { THIS } else { OPEN };
        let sql = OUTSIDE
            .replace("{which}", which)
            .replace("{job}", JobRecord::COLUMNS)
            .replace("{device}", DeviceRecord::COLUMNS)
            .replace("{is_named}", IS_NAMED)
            .replace("{is_from}", &IS_FROM.replace("{version}", "d.version"))
            .replace("{has_tags}", HAS_TAGS)
            .replace("{is_not_excluded}", IS_NOT_EXCLUDED);
        let values = [id.product.as_str().into(), id.device.as_str().into(), job.unwrap_or_default().into()];
        let rows = self.sql.query(&sql, &values)?;
        rows.iter().map(|row| self.explained_outside(Outsider::read(row)?)).collect()
    }

    fn explained_outside(&self, outsider: Outsider) -> Result<Explained, SqlError> {
        let mut why = Vec::new();
        let job = &outsider.job;
        if !matches!(job.state, JobState::Preparing | JobState::Running) {
            why.push(Barrier::JobIs(job.state, job.held_because.clone()).to_string());
        }
        for part in &outsider.unmet {
            why.push(self.sentence(&outsider, *part)?);
        }
        if outsider.unmet.is_empty() {
            why.push(outsider.lateness());
        }
        Ok(Explained { job: outsider.job, next: None, verdict: Verdict::NotInJob, why, until: None })
    }

    /// How a part of the scope keeps the device out.
    fn sentence(&self, outsider: &Outsider, part: Part) -> Result<String, SqlError> {
        let [devices, versions, tags] = outsider.names;
        Ok(match part {
            Part::Devices => format!("it is not among the {devices} devices that the job names"),
            Part::From => {
                let takes = self.listed_from(&outsider.job.job, versions)?;
                match &outsider.device.version {
                    Some(version) => format!("it runs version {version}, the job takes {takes}"),
                    None => format!("it never informed a version, the job takes {takes}"),
                }
            }
            Part::Tags => {
                let tag = outsider.missing_tag.as_deref().unwrap_or_default();
                format!("it lacks the tag {tag}, the job asks for {tags}")
            }
            Part::Exclude => "the job excludes it".to_owned(),
        })
    }

    /// The source versions of a job, as far as a line has room.
    fn listed_from(&self, job: &str, count: i64) -> Result<String, SqlError> {
        let rows = self.sql.query(FROM, &[job.into(), MOST_LISTED.into()])?;
        let listed = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?.join(", ");
        let further = count - MOST_LISTED;
        Ok(if further > 0 { format!("{listed} and {further} more") } else { listed })
    }
}

impl Outsider {
    fn read(row: &Row) -> Result<Self, SqlError> {
        let at = JobRecord::WIDTH + DeviceRecord::WIDTH;
        let mut unmet = Vec::new();
        for (n, part) in [Part::Devices, Part::From, Part::Tags, Part::Exclude].into_iter().enumerate() {
            if row.int(at + n)? == 0 {
                unmet.push(part);
            }
        }
        Ok(Self {
            job: JobRecord::read(row, 0)?,
            device: DeviceRecord::read(row, JobRecord::WIDTH)?,
            unmet,
            names: [row.int(at + 4)?, row.int(at + 5)?, row.int(at + 6)?],
            missing_tag: row.opt_text(at + 7)?,
            registered_at: row.int(at + 8)?,
            sequences: (row.opt_int(at + 9)?, row.int(at + 10)?),
            verify_most: row.int(at + 11)?,
        })
    }

    /// Why a device that meets the whole scope has no task.
    fn lateness(&self) -> String {
        let (job, device) = (&self.job, &self.device);
        let key = device.id.device.as_str();
        if job.state == JobState::Preparing && job.filled_to.as_deref().is_some_and(|upto| key > upto) {
            return "its task is yet to be made".to_owned();
        }
        let created_at = Moment(job.created_at);
        if !job.is_incremental && self.registered_at > job.created_at {
            let registered_at = Moment(self.registered_at);
            return format!(
                "it was registered at {registered_at}, the job took in its devices at {created_at}"
            );
        }
        if !job.is_incremental {
            return format!("it met the scope only after the job took in its devices, at {created_at}");
        }
        let (own, target) = self.sequences;
        match &device.version {
            Some(version) if *version == job.to => Barrier::AlreadyThere.to_string(),
            Some(version) if !job.is_downgrade && own.is_some_and(|own| own > target) => {
                Barrier::Newer(version.clone()).to_string()
            }
            Some(_) if job.kind == Kind::Verify && job.devices >= self.verify_most => {
                format!("a verification job takes at most {} devices, and has them", self.verify_most)
            }
            Some(version) => {
                format!("it joins when its tags are set, or when it informs another version than {version}")
            }
            None => "it joins when it informs a version".to_owned(),
        }
    }
}

/// How many source versions a sentence lists.
const MOST_LISTED: i64 = 5;

const OPEN: &str = "$3 = '' AND j.state IN ('preparing', 'running', 'held', 'paused')";
const THIS: &str = "j.job = $3 AND j.state <> 'deleted'";
const OUTSIDE: &str = "SELECT {job}, {device},
        CASE WHEN {is_named} THEN 1 ELSE 0 END, CASE WHEN {is_from} THEN 1 ELSE 0 END,
        CASE WHEN {has_tags} THEN 1 ELSE 0 END, CASE WHEN {is_not_excluded} THEN 1 ELSE 0 END,
        j.scope_devices, j.scope_from, j.scope_tags,
        (SELECT MIN(s.value) FROM scope s WHERE s.job = j.job AND s.kind = 'tag'
            AND NOT EXISTS (SELECT 1 FROM device_tag x
                WHERE x.product = d.product AND x.device = d.device AND x.tag = s.value)),
        d.created_at, v.sequence, g.sequence, g.verify_most
    FROM device d
    JOIN job j ON j.product = d.product
    JOIN firmware g ON g.product = j.product AND g.version = j.version
    LEFT JOIN firmware v ON v.product = d.product AND v.version = d.version
    WHERE d.product = $1 AND d.device = $2 AND {which}
        AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job = j.job AND t.device = d.device)
    ORDER BY j.created_at DESC LIMIT 100";
const FROM: &str =
    "SELECT s.value FROM scope s WHERE s.job = $1 AND s.kind = 'from' ORDER BY s.value LIMIT $2";
