//! What a job names one by one: devices, versions, tags, exclusions, canaries; and its stages. Written with the job, and
//! read back to be shown.

use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::{Stage, stage};

use crate::job::NewJob;
use crate::scope::Scope;
use crate::{Ledger, SqlError};

/// What a job names, as its creator wrote it; each list in the order of its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Which devices.
    pub scope: Scope,
    /// Devices that go first.
    pub canary: Vec<DeviceKey>,
    /// How long the job rests after them (ms).
    pub canary_soak: i64,
    /// The stages behind them; empty for none.
    pub stages: Vec<Stage>,
}

impl Ledger<'_> {
    /// What the job names. Two statements, by its key.
    pub fn named(&self, job: &str) -> Result<Named, SqlError> {
        let mut named = Named::default();
        for row in self.sql.query(SCOPE, &[job.into()])? {
            named.push(&row.text(0)?, &row.text(1)?)?;
        }
        for row in self.sql.query(STAGES, &[job.into()])? {
            let (upto, soak, pass) = (row.int(0)?, row.int(1)?, row.int(2)?);
            if upto == 0 {
                named.canary_soak = soak;
            } else {
                named.stages.push(Stage { share: stage::share(upto), soak, pass });
            }
        }
        if named.stages == [EVERYONE] {
            named.stages.clear();
        }
        Ok(named)
    }

    /// Inside the transaction that creates the job: writes what it names one by one, and its stages.
    pub(crate) fn insert_named(&self, new: &NewJob) -> Result<(), SqlError> {
        let scope = &new.scope;
        let named: [(&str, Vec<&str>); 5] = [
            ("device", scope.devices.iter().map(DeviceKey::as_str).collect()),
            ("from", scope.from.iter().map(Version::as_str).collect()),
            ("tag", scope.tags.iter().map(String::as_str).collect()),
            ("exclude", scope.exclude.iter().map(DeviceKey::as_str).collect()),
            ("canary", new.canary.iter().map(DeviceKey::as_str).collect()),
        ];
        let insert = INSERT_NAMED.replace("{each}", &self.dialect.each(3));
        for (kind, values) in named.iter().filter(|(_, values)| !values.is_empty()) {
            let list = serde_json::to_string(values).map_err(|error| SqlError(error.to_string()))?;
            self.sql.execute(&insert, &[new.id.as_str().into(), (*kind).into(), list.into()])?;
        }
        for (number, (upto, soak, pass)) in (0i64..).zip(new.stage_rows()) {
            self.sql.execute(
                INSERT_STAGE,
                &[new.id.as_str().into(), number.into(), upto.into(), soak.into(), pass.into()],
            )?;
        }
        Ok(())
    }
}

impl Named {
    fn push(&mut self, kind: &str, value: &str) -> Result<(), SqlError> {
        let device =
            || DeviceKey::parse(value).map_err(|error| SqlError(format!("stored {kind} of a job: {error}")));
        match kind {
            "device" => self.scope.devices.push(device()?),
            "exclude" => self.scope.exclude.push(device()?),
            "canary" => self.canary.push(device()?),
            "tag" => self.scope.tags.push(value.to_owned()),
            _ => {
                let version = Version::parse(value);
                self.scope.from.push(version.map_err(|error| SqlError(format!("stored version: {error}")))?);
            }
        }
        Ok(())
    }
}

impl NewJob {
    /// What the job names, as [`Ledger::named`] reads it back.
    pub fn named(&self) -> Named {
        let mut named = Named {
            scope: self.scope.clone(),
            canary: self.canary.clone(),
            canary_soak: self.canary_soak,
            stages: self.stages.clone(),
        };
        in_order(&mut named.scope.devices, DeviceKey::as_str);
        in_order(&mut named.scope.from, Version::as_str);
        in_order(&mut named.scope.tags, String::as_str);
        in_order(&mut named.scope.exclude, DeviceKey::as_str);
        in_order(&mut named.canary, DeviceKey::as_str);
        named.stages.retain(|stage| *stage != EVERYONE || self.stages.len() > 1);
        named
    }

    /// The stages as they are stored, the canaries' first: up to which place, soak, pass.
    pub(crate) fn stage_rows(&self) -> Vec<(i64, i64, i64)> {
        let canary = (!self.canary.is_empty()).then_some((0, self.canary_soak, 1000));
        let rest = if self.stages.is_empty() { &[EVERYONE] } else { self.stages.as_slice() };
        let rest = rest.iter().map(|stage| (stage::upto(stage.share), stage.soak, stage.pass));
        canary.into_iter().chain(rest).collect()
    }
}

/// Each once, in the order of its text.
fn in_order<T>(values: &mut Vec<T>, text: fn(&T) -> &str) {
    values.sort_by(|one, other| text(one).cmp(text(other)));
    values.dedup_by(|one, other| text(one) == text(other));
}

/// The one stage of a job that has none.
const EVERYONE: Stage = Stage { share: 1000, soak: 0, pass: 1000 };

const SCOPE: &str = "SELECT s.kind, s.value FROM scope s WHERE s.job = $1 ORDER BY s.kind, s.value";
const STAGES: &str = "SELECT s.upto, s.soak, s.pass FROM stage s WHERE s.job = $1 ORDER BY s.stage";
const INSERT_NAMED: &str = "INSERT INTO scope (job, kind, value)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), e.value FROM {each} WHERE true ON CONFLICT DO NOTHING";
const INSERT_STAGE: &str = "INSERT INTO stage (job, stage, upto, soak, pass) VALUES ($1, $2, $3, $4, $5)";
