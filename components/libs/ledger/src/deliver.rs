//! Commands on their way: which are to be delivered now, and which were.

use ota_protocol::key::DeviceId;

use crate::bridge::Bridge;
use crate::command::Command;
use crate::record::DeviceRecord;
use crate::sweep::{BATCH, MOST_FAILURES, device_id};
use crate::view::{Assignment, View};
use crate::{Ledger, Row, SqlError};

/// Who asks for commands.
#[derive(Debug, Clone, Copy)]
pub enum Recipient<'r> {
    /// Who publishes through the broker, to devices whose session no bridge holds.
    Broker,
    /// A bridge that reports sessions.
    Reporter(&'r str),
    /// A bridge that sweeps: it is alive, and what it holds is reachable.
    Bridge {
        /// Its name.
        name: &'r str,
        /// Whether it reports its sessions, since the answer before said that it must.
        is_reporting: bool,
    },
}

/// What is to be delivered now.
#[derive(Debug, Default)]
pub struct Due {
    /// The commands, each with its device. They come again, ever later, until a first sign.
    pub commands: Vec<(DeviceId, Command)>,
    /// Whether the bridge must report all of its sessions: the ledger may not know of some.
    pub must_report: bool,
    /// Whether there was no time for some.
    pub more: bool,
    /// Why some could not be taken, and are due again.
    pub failure: Option<SqlError>,
}

impl Ledger<'_> {
    /// The commands to deliver now to devices that `recipient` reaches, and no further one once `has_time` says no.
    /// One that fails keeps no other from its device.
    pub fn deliveries(&self, recipient: Recipient<'_>, has_time: &dyn Fn() -> bool) -> Result<Due, SqlError> {
        let bridge = match recipient {
            Recipient::Broker => "",
            Recipient::Reporter(name) | Recipient::Bridge { name, .. } => name,
        };
        let sql = self.dialect.text(DELIVERIES).replace("{device}", DeviceRecord::COLUMNS);
        let sql = sql.replace("{assignment}", &Assignment::columns());
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = self.sql.query(&sql, &[bridge.into(), limit.into()])?;
        let mut due = Due::default();
        let mut failures = Vec::new();
        if let (Recipient::Bridge { name, is_reporting }, Some(row)) = (recipient, rows.first()) {
            match self.hear(name, is_reporting, row) {
                Ok(must_report) => due.must_report = must_report,
                Err(error) => failures.push(error),
            }
        }
        for (number, row) in rows.iter().enumerate() {
            if failures.len() == MOST_FAILURES {
                break;
            }
            if number > 0 && !has_time() {
                due.more = true;
                break;
            }
            match self.push(row) {
                Ok(command) => due.commands.extend(command),
                Err(error) => failures.push(error),
            }
        }
        due.failure = failures.into_iter().next();
        Ok(due)
    }

    fn hear(&self, name: &str, is_reporting: bool, row: &Row) -> Result<bool, SqlError> {
        let known = Bridge { silent_from: row.opt_int(2)?, is_suspected: row.opt_int(3)? == Some(1) };
        self.hear_bridge(name, known, is_reporting, row.int(0)?)
    }

    /// The command in the row, if there is one and it need not wait; it is due again later.
    fn push(&self, row: &Row) -> Result<Option<(DeviceId, Command)>, SqlError> {
        let Some(assignment) = Assignment::read(row, DEVICE_AT + DeviceRecord::WIDTH)? else {
            return Ok(None);
        };
        let device = DeviceRecord::read(row, DEVICE_AT)?;
        let id = device.id.clone();
        // One that must wait makes room for the others too.
        let key = [assignment.job.job.as_str().into(), id.device.as_str().into()];
        self.sql.execute(&self.dialect.text(PUSHED), &key)?;
        let (now, epoch, tasks) = (row.int(0)?, row.int(1)?, vec![assignment]);
        let view = View { now, epoch, device, sequence: None, refuses_unknown: false, tasks };
        Ok(view.undelivered().map(|command| (id, command)))
    }

    /// A bridge saw the device acknowledge the command `push_id`: a first sign.
    pub fn delivered(&self, push_id: &str) -> Result<(), SqlError> {
        for row in self.sql.query(PUSHED_TO, &[push_id.into()])? {
            self.acknowledge(&device_id(&row)?, push_id, None)?;
        }
        Ok(())
    }
}

/// Where the columns of a device begin: behind the clock, the epoch, and what is known of the bridge.
const DEVICE_AT: usize = 4;

/// At least one row, which says what is known of the bridge.
const DELIVERIES: &str = "SELECT {now}, l.epoch, b.silent_from, b.suspected, {device}, {assignment}
    FROM ledger l
    LEFT JOIN bridge b ON b.bridge = $1
    LEFT JOIN (SELECT t.job, t.device FROM task t
        JOIN device d ON d.product = t.product AND d.device = t.device
        JOIN job j ON j.job = t.job
        JOIN firmware g ON g.product = j.product AND g.version = j.version
        JOIN firmware f ON f.product = j.product AND f.sequence = COALESCE(t.hop, g.sequence)
        WHERE t.state = 'granted' AND t.signed = 0 AND t.push_at <= {now}
            AND j.state = 'running' AND f.quarantined_at IS NULL AND t.generation = d.generation
            AND COALESCE(d.bridge, '') = $1 AND (d.connected = 1 OR $1 = '')
        ORDER BY t.push_at LIMIT $2) AS found ON 1 = 1
    LEFT JOIN task t ON t.job = found.job AND t.device = found.device
    LEFT JOIN device d ON d.product = t.product AND d.device = t.device
    LEFT JOIN job j ON j.job = t.job
    LEFT JOIN firmware g ON g.product = j.product AND g.version = j.version
    LEFT JOIN firmware f ON f.product = j.product AND f.sequence = COALESCE(t.hop, g.sequence)
    ORDER BY t.push_at";
/// 2, 4, 8, … 64 s apart.
const PUSHED: &str = "UPDATE task SET pushes = pushes + 1,
        push_at = {now} + CASE pushes WHEN 0 THEN 2000 WHEN 1 THEN 4000 WHEN 2 THEN 8000 WHEN 3 THEN 16000
            WHEN 4 THEN 32000 ELSE 64000 END
    WHERE job = $1 AND device = $2 AND state = 'granted'";
const PUSHED_TO: &str =
    "SELECT product, device FROM task WHERE push_id = $1 AND state = 'granted' AND signed = 0";
