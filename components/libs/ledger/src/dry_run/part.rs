//! A part of the fleet, read with the job inside the transaction that is taken back.
//!
//! What it computes of a device is what making its task computes of it ([`crate::fill`]), in forms that are evaluated
//! once a statement instead of once a device; a test compares the two.

use std::fmt::Write as _;

use ota_protocol::key::DeviceKey;

use super::{First, Group, MOST_FIRST};
use crate::job::NewJob;
use crate::scope::{HAS_TAGS, IS_FROM, IS_NAMED, IS_NOT_EXCLUDED};
use crate::{Ledger, SqlError, Value};

/// Devices of one product between two keys. Parts are read from the last key to the first: of devices that are equal
/// otherwise the sweep grants the last first, so that most often the first part names those.
pub(super) struct Part {
    /// From this key on.
    pub(super) from: String,
    /// Up to this key, and without it.
    end: String,
    /// Whether no device lies before it.
    pub(super) is_last: bool,
    /// The ledger's clock (ms).
    pub(super) now: i64,
}

/// What a device is to a job by the version that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It never informed one.
    NeverInformed,
    /// The target.
    There,
    /// One that is newer than the target.
    Newer,
    /// One that is not registered, and its product refuses such devices.
    Unknown,
    /// One that the job moves on.
    Free,
}

impl Standing {
    const ALL: [Self; 5] = [Self::NeverInformed, Self::There, Self::Newer, Self::Unknown, Self::Free];

    /// Its number in [`STANDING`].
    fn number(self) -> i64 {
        match self {
            Self::NeverInformed => 0,
            Self::There => 1,
            Self::Newer => 2,
            Self::Unknown => 3,
            Self::Free => 4,
        }
    }
}

/// Reachable or not: a number that no device has.
const EITHER: i64 = -1;
/// Devices that one transaction reads.
const PART: i64 = 50_000;

impl Ledger<'_> {
    /// The part before the key `end`: of the devices that the job names, when it names them, all.
    pub(super) fn part_before(&self, new: &NewJob, end: &str) -> Result<Part, SqlError> {
        let values = [new.product.as_str().into(), end.into(), PART.into()];
        let rows = self.sql.query(&self.dialect.text(FIRST_KEY), &values)?;
        let row = rows.first().ok_or_else(|| SqlError("no row of an aggregate".to_owned()))?;
        let (now, count, first) = (row.int(0)?, row.int(1)?, row.opt_text(2)?);
        let end = end.to_owned();
        match new.scope.devices.iter().map(DeviceKey::as_str).min() {
            Some(first) => Ok(Part { from: first.to_owned(), end, is_last: true, now }),
            None => Ok(Part { from: first.unwrap_or_default(), end, is_last: count < PART, now }),
        }
    }

    /// How many devices of the part stand how: standing, whether reachable, stage, count.
    pub(super) fn standings(
        &self,
        new: &NewJob,
        part: &Part,
    ) -> Result<Vec<(Standing, bool, usize, i64)>, SqlError> {
        let rows = self.sql.query(&of_job(COUNTED, new), &values_at(new, part))?;
        rows.iter()
            .map(|row| {
                let (key, count) = (row.int(0)?, row.int(1)?);
                let standing = Standing::ALL.into_iter().find(|standing| standing.number() == key / 100);
                let standing = standing.ok_or_else(|| SqlError(format!("standing {}", key / 100)))?;
                let stage = usize::try_from(key % 10).unwrap_or_default();
                Ok((standing, key / 10 % 10 == 1, stage, count))
            })
            .collect()
    }

    /// How many devices of the part that the job would move on are at work for another job.
    pub(super) fn count_at_work(&self, new: &NewJob, part: &Part) -> Result<i64, SqlError> {
        let rows = self.sql.query(&of_job(COUNT_AT_WORK, new), &values(new, part))?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// At most `most` devices of the part that are of `group`, in the order of their keys.
    pub(super) fn examples(
        &self,
        new: &NewJob,
        part: &Part,
        group: Group,
        most: usize,
    ) -> Result<Vec<String>, SqlError> {
        let (standing, is_reachable) = match group {
            Group::Stands(standing) => (standing, EITHER),
            Group::Unreachable => (Standing::Free, 0),
            Group::AtWork => return self.examples_at_work(new, part, most),
        };
        let mut values = values_at(new, part);
        values.extend([standing.number().into(), is_reachable.into(), limit(most)]);
        let rows = self.sql.query(&of_job(EXAMPLES, new), &values)?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    fn examples_at_work(&self, new: &NewJob, part: &Part, most: usize) -> Result<Vec<String>, SqlError> {
        let mut values = values(new, part);
        values.push(limit(most));
        let rows = self.sql.query(&of_job(AT_WORK_EXAMPLES, new), &values)?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// The devices of the part that would be granted first.
    pub(super) fn first_of(&self, new: &NewJob, part: &Part) -> Result<Vec<First>, SqlError> {
        let mut values = values_at(new, part);
        values.push(limit(MOST_FIRST));
        let rows = self.sql.query(&of_job(FIRST, new), &values)?;
        rows.iter()
            .map(|row| Ok(First { device: row.text(0)?, stage: row.int(1)?, ready_until: row.int(2)? }))
            .collect()
    }
}

/// The parameters that every statement has: job, from, end, product, target.
fn values(new: &NewJob, part: &Part) -> Vec<Value> {
    vec![
        new.id.as_str().into(),
        part.from.as_str().into(),
        part.end.as_str().into(),
        new.product.as_str().into(),
        new.to.as_str().into(),
    ]
}

/// The same, and now.
fn values_at(new: &NewJob, part: &Part) -> Vec<Value> {
    let mut values = values(new, part);
    values.push(part.now.into());
    values
}

fn limit(most: usize) -> Value {
    i64::try_from(most).unwrap_or(i64::MAX).into()
}

/// `statement` with its words replaced by what they stand for, for this job.
fn of_job(statement: &str, new: &NewJob) -> String {
    let candidates = if new.scope.devices.is_empty() { FLEET } else { NAMED };
    statement
        .replace("{candidates}", candidates)
        .replace("{of_part}", OF_PART)
        .replace("{standing}", STANDING)
        .replace("{reachable}", REACHABLE)
        .replace("{stage}", &stage(new))
        .replace("{in_scope}", &in_scope(new))
}

/// Whether device `d` is in the scope of job `j`: those parts of [`crate::scope::in_scope`] that the job has.
fn in_scope(new: &NewJob) -> String {
    let scope = &new.scope;
    let parts = [
        (!scope.devices.is_empty(), IS_NAMED),
        (!scope.from.is_empty(), IS_FROM),
        (!scope.tags.is_empty(), HAS_TAGS),
        (!scope.exclude.is_empty(), IS_NOT_EXCLUDED),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(is_asked, _)| *is_asked).map(|(_, part)| *part).collect();
    if parts.is_empty() { "1 = 1".to_owned() } else { parts.join(" AND ").replace("{version}", "d.version") }
}

/// The stage of device `d` in job `j`, as [`crate::scope::STAGE_OF`] has it, with the places written out.
fn stage(new: &NewJob) -> String {
    let stages = new.stage_rows();
    if stages.len() < 2 {
        return "0".to_owned();
    }
    let mut stage = "CASE".to_owned();
    for (number, (upto, ..)) in stages.iter().enumerate() {
        // Writing to a String cannot fail; what is written are numbers.
        let _ = match upto {
            0 => write!(stage, " WHEN d.device IN ({CANARIES}) THEN {number}"),
            upto => write!(stage, " WHEN {POSITION} < {upto} THEN {number}"),
        };
    }
    stage.push_str(" END");
    stage
}

/// Behind every key.
pub(super) const END: &str = "~";
const FIRST_KEY: &str = "SELECT {now}, COUNT(*), MIN(c.device) FROM (SELECT d.device FROM device d
        WHERE d.product = $1 AND d.device < $2 ORDER BY d.device DESC LIMIT $3) AS c";

const FLEET: &str = "JOIN device d ON d.product = j.product";
const NAMED: &str = "JOIN scope n ON n.job = j.job AND n.kind = 'device'
    JOIN device d ON d.product = j.product AND d.device = n.value";
const OF_PART: &str = "j.job = $1 AND d.device >= $2 AND d.device < $3 AND {in_scope}";
const CANARIES: &str = "SELECT s.value FROM scope s WHERE s.job = $1 AND s.kind = 'canary'";
const POSITION: &str = "(d.place * j.multiplier + j.shift) % 1000003";
/// The number of a [`Standing`].
const STANDING: &str = "CASE WHEN d.version IS NULL THEN 0
        WHEN d.version = j.version THEN 1
        WHEN j.downgrade = 0 AND d.version IN (SELECT v.version FROM firmware v
            JOIN firmware g ON g.product = v.product AND g.version = $5
            WHERE v.product = $4 AND v.sequence > g.sequence) THEN 2
        WHEN p.refuse_unknown = 1
            AND d.version NOT IN (SELECT v.version FROM firmware v WHERE v.product = $4) THEN 3
        ELSE 4 END";
const REACHABLE: &str = "CASE WHEN d.connected = 1 OR d.heard_at + j.reachable_within > $6 THEN 1 ELSE 0 END";

/// One number for each group, since it is what the database sorts by.
const COUNTED: &str = "SELECT {standing} * 100 + {reachable} * 10 + {stage}, COUNT(*)
    FROM job j JOIN product p ON p.product = j.product {candidates}
    WHERE {of_part} GROUP BY 1";
const EXAMPLES: &str = "SELECT d.device
    FROM job j JOIN product p ON p.product = j.product {candidates}
    WHERE {of_part} AND {standing} = CAST($7 AS BIGINT)
        AND (CAST($8 AS BIGINT) < 0 OR {reachable} = CAST($8 AS BIGINT))
    ORDER BY d.device LIMIT $9";
const COUNT_AT_WORK: &str = "SELECT COUNT(*)
    FROM job j JOIN product p ON p.product = j.product
    JOIN task o ON o.product = j.product AND o.state IN ('granted', 'downloading', 'upgrading')
        AND o.device >= $2 AND o.device < $3
    JOIN device d ON d.product = o.product AND d.device = o.device
    WHERE {of_part} AND {standing} = 4";
const AT_WORK_EXAMPLES: &str = "SELECT d.device
    FROM job j JOIN product p ON p.product = j.product
    JOIN task o ON o.product = j.product AND o.state IN ('granted', 'downloading', 'upgrading')
        AND o.device >= $2 AND o.device < $3
    JOIN device d ON d.product = o.product AND d.device = o.device
    WHERE {of_part} AND {standing} = 4
    ORDER BY d.device LIMIT $6";
/// In the order in which the sweep grants.
const FIRST: &str = "SELECT d.device, {stage},
        CASE WHEN d.connected = 1 THEN 9007199254740992 ELSE d.heard_at + j.reachable_within END
    FROM job j JOIN product p ON p.product = j.product {candidates}
    WHERE {of_part} AND {standing} = 4 AND {reachable} = 1
        AND NOT EXISTS (SELECT 1 FROM task o WHERE o.product = d.product AND o.device = d.device
            AND o.state IN ('granted', 'downloading', 'upgrading'))
    ORDER BY 2, 3 DESC, 1 DESC LIMIT $7";
