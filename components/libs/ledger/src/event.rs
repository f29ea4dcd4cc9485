//! Events: the append-only history of what happened, and to whom.

use ota_protocol::key::DeviceId;

use crate::{Ledger, Row, SqlError};

/// Something that is about to be written down.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'e> {
    /// One word: `granted`, `begun`, `succeeded`, `held`, …
    pub kind: &'e str,
    /// The device, when it is about one.
    pub device: Option<&'e DeviceId>,
    /// The product, when it is about one as a whole.
    pub product: Option<&'e str>,
    /// The job, when it is about one.
    pub job: Option<&'e str>,
    /// Who did it: `device`, `sweep`, `operator`, `gateway`.
    pub actor: &'e str,
    /// A reason, a number, the device's own words.
    pub detail: Option<&'e str>,
    /// What the world outside is told of it: `held`, `stopped`, `done`, `quarantined`, `first_failure`.
    /// The sweep passes it on.
    pub message: Option<&'e str>,
}

impl Default for NewEvent<'_> {
    fn default() -> Self {
        Self {
            kind: "",
            device: None,
            product: None,
            job: None,
            actor: "gateway",
            detail: None,
            message: None,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// Rises by one per event.
    pub number: i64,
    /// When (ms).
    pub at: i64,
    /// One word.
    pub kind: String,
    /// The product.
    pub product: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// The job.
    pub job: Option<String>,
    /// Who did it.
    pub actor: String,
    /// A reason, a number, the device's own words.
    pub detail: Option<String>,
}

impl Ledger<'_> {
    pub(crate) fn append(&self, event: &NewEvent<'_>) -> Result<(), SqlError> {
        let product = event.device.map(|id| id.product.as_str()).or(event.product);
        self.sql.execute(
            &self.dialect.text(APPEND),
            &[
                event.kind.into(),
                product.into(),
                event.device.map(|id| id.device.as_str()).into(),
                event.job.into(),
                event.actor.into(),
                event.detail.into(),
                event.message.into(),
            ],
        )?;
        Ok(())
    }

    /// The events after number `after`, oldest first, of a job, or of all when `job` is `None`.
    pub fn events(&self, job: Option<&str>, after: i64, limit: i64) -> Result<Vec<Event>, SqlError> {
        self.events_about(About { job, ..About::default() }, after, limit)
    }

    /// The events about all that `about` names after number `after`, oldest first.
    pub fn events_about(&self, about: About<'_>, after: i64, limit: i64) -> Result<Vec<Event>, SqlError> {
        let named = [("job", about.job), ("product", about.product), ("device", about.device)];
        let mut conditions = String::new();
        let mut values = vec![after.into(), limit.into()];
        for (column, value) in named {
            if let Some(value) = value {
                values.push(value.into());
                // Fixed words and a parameter: nothing of the caller's is in the text.
                conditions = format!("{conditions} AND {column} = ${}", values.len());
            }
        }
        let sql = EVENTS.replace("{conditions}", &conditions);
        self.sql.query(&sql, &values)?.iter().map(Event::read).collect()
    }
}

/// What events are to be about; nothing: about anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// A job.
    pub job: Option<&'a str>,
    /// A product.
    pub product: Option<&'a str>,
    /// A device, of that product.
    pub device: Option<&'a str>,
}

impl Event {
    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            number: row.int(0)?,
            at: row.int(1)?,
            kind: row.text(2)?,
            product: row.opt_text(3)?,
            device: row.opt_text(4)?,
            job: row.opt_text(5)?,
            actor: row.text(6)?,
            detail: row.opt_text(7)?,
        })
    }
}

const APPEND: &str = "INSERT INTO event (at, kind, product, device, job, actor, detail, message)
    VALUES ({now}, $1, $2, $3, $4, $5, $6, $7)";
const EVENTS: &str = "SELECT number, at, kind, product, device, job, actor, detail FROM event
    WHERE number > $1{conditions} ORDER BY number LIMIT $2";
