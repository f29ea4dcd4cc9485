//! Where the devices of a job are looked for, so that a job of a few costs the same in any fleet.

use crate::{Ledger, SqlError};

/// Where the devices of a job are looked for. Whether one is in its scope is asked of each all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidates {
    /// Among those that it names.
    Named,
    /// Among those that have one of its tags.
    Tagged,
    /// Among all of its product.
    Fleet,
}

impl Candidates {
    /// The devices `d` of the job `j`, which is `$1`, to stand behind FROM.
    pub(crate) fn join(self) -> String {
        self.text("")
    }

    /// The same, of those whose key is above `$2` and up to `$3`.
    pub(crate) fn join_chunk(self) -> String {
        self.text("AND {key} > $2 AND {key} <= $3")
    }

    fn text(self, range: &str) -> String {
        let (join, key) = match self {
            Self::Named => (NAMED, "n.value"),
            Self::Tagged => (TAGGED, "n.device"),
            Self::Fleet => (FLEET, "d.device"),
        };
        join.replace("{range}", &range.replace("{key}", key))
    }

    /// The last of the `$3` that follow the key `$2`, of the job `$1`.
    pub(crate) fn upto(self) -> &'static str {
        match self {
            Self::Named => NAMED_UPTO,
            Self::Tagged => TAGGED_UPTO,
            Self::Fleet => FLEET_UPTO,
        }
    }
}

impl Ledger<'_> {
    pub(crate) fn candidates(&self, job: &str) -> Result<Candidates, SqlError> {
        let rows = self.sql.query(NAMES, &[job.into()])?;
        let Some(row) = rows.first() else { return Ok(Candidates::Fleet) };
        Ok(match (row.int(0)?, row.int(1)?) {
            (1.., _) => Candidates::Named,
            (_, 1..) => Candidates::Tagged,
            _ => Candidates::Fleet,
        })
    }
}

const NAMES: &str = "SELECT scope_devices, scope_tags FROM job WHERE job = $1";
const NAMED: &str = "JOIN scope n ON n.job = j.job AND n.kind = 'device' {range}
    JOIN device d ON d.product = j.product AND d.device = n.value";
const TAGGED: &str = "JOIN device_tag n ON n.product = j.product
        AND n.tag = (SELECT MIN(s.value) FROM scope s WHERE s.job = $1 AND s.kind = 'tag') {range}
    JOIN device d ON d.product = j.product AND d.device = n.device";
const FLEET: &str = "JOIN device d ON d.product = j.product {range}";
const NAMED_UPTO: &str = "SELECT MAX(c.device) FROM (SELECT s.value AS device FROM scope s
        WHERE s.job = $1 AND s.kind = 'device' AND s.value > $2 ORDER BY s.value LIMIT $3) AS c";
const TAGGED_UPTO: &str = "SELECT MAX(c.device) FROM (SELECT n.device FROM device_tag n
        WHERE n.product = (SELECT j.product FROM job j WHERE j.job = $1)
            AND n.tag = (SELECT MIN(s.value) FROM scope s WHERE s.job = $1 AND s.kind = 'tag')
            AND n.device > $2 ORDER BY n.device LIMIT $3) AS c";
const FLEET_UPTO: &str = "SELECT MAX(c.device) FROM (SELECT d.device FROM device d
        WHERE d.product = (SELECT j.product FROM job j WHERE j.job = $1) AND d.device > $2
        ORDER BY d.device LIMIT $3) AS c";
