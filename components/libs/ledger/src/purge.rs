//! What the sweep takes away: tasks of deleted jobs, messages that arrived, and sessions of bridges that fell
//! silent. A chunk at a time.

use crate::transaction::End;
use crate::{Ledger, Row, SqlError};

impl Ledger<'_> {
    /// Takes away a chunk of each kind that there is something of; `true` when there may be more. One kind that fails
    /// keeps no other from going.
    pub(crate) fn purge(&self) -> Result<bool, SqlError> {
        let rows = self.sql.query(&self.dialect.text(TO_PURGE), &[])?;
        let purged: Vec<_> = rows.iter().map(|row| self.purge_kind(row)).collect();
        purged.into_iter().try_fold(false, |has_more, more| Ok(has_more | more?))
    }

    fn purge_kind(&self, row: &Row) -> Result<bool, SqlError> {
        match row.text(0)?.as_str() {
            "bridge" => self.end_sessions(&row.text(1)?),
            "outbox" => self.purge_outbox(),
            _ => self.purge_tasks(&row.text(1)?, &row.text(2)?),
        }
    }

    /// Forgets the next tasks of a deleted job behind the device `from`, except those that are exposed.
    fn purge_tasks(&self, job: &str, from: &str) -> Result<bool, SqlError> {
        self.transaction(|| {
            let chunk = [job.into(), from.into(), TASKS.into()];
            let rows = self.sql.query(PURGED_UPTO, &chunk)?;
            let upto = rows.first().map_or(Ok(None), |row| row.opt_text(0))?;
            if let Some(upto) = &upto {
                let chunk = [job.into(), from.into(), upto.as_str().into()];
                self.sql.execute(PURGE_FORMER, &chunk)?;
                self.sql.execute(PURGE, &chunk)?;
            }
            // Another sweep may have been faster: what it forgot is forgotten.
            self.sql.execute(PURGED, &[job.into(), upto.as_deref().into(), from.into()])?;
            Ok(End::Commit(true))
        })
    }

    /// Forgets messages that arrived a day ago or earlier: their events stay, and their hook counts them.
    fn purge_outbox(&self) -> Result<bool, SqlError> {
        self.transaction(|| {
            // One sweep at a time: two that forget the same rows must not meet.
            self.sql.execute(LOCK_PURGE, &[])?;
            let purged = self.sql.execute(&self.dialect.text(PURGE_OUTBOX), &[MESSAGES.into()])?;
            Ok(End::Commit(i64::try_from(purged).is_ok_and(|purged| purged == MESSAGES)))
        })
    }
}

/// The most tasks that one call forgets: a statement that deletes them, with their indexes, ends well within 5 s.
const TASKS: i64 = 1000;
/// The most messages that one call forgets.
const MESSAGES: i64 = 1000;

/// One statement for all kinds, each found by its index: a quiet sweep pays for one read.
const TO_PURGE: &str = "SELECT 'job', found.job, found.filled_to FROM (SELECT j.job, j.filled_to FROM job j
        WHERE j.state = 'deleted' AND j.filled_to IS NOT NULL ORDER BY j.created_at LIMIT 1) AS found
    UNION ALL
    SELECT 'bridge', found.bridge, NULL FROM (SELECT b.bridge FROM bridge b
        WHERE b.silent_from <= {now} ORDER BY b.silent_from LIMIT 1) AS found
    UNION ALL
    SELECT 'outbox', NULL, NULL FROM (SELECT o.event FROM outbox o
        WHERE o.delivered_at <= {now} - 86400000 LIMIT 1) AS found";
/// The ledger's own row, which nobody else locks but a restore.
const LOCK_PURGE: &str = "UPDATE ledger AS l SET epoch = l.epoch";
const PURGE_OUTBOX: &str = "DELETE FROM outbox WHERE (hook, event) IN (SELECT o.hook, o.event FROM outbox o
        WHERE o.delivered_at <= {now} - 86400000 ORDER BY o.delivered_at LIMIT $1)";
const PURGED_UPTO: &str = "SELECT MAX(c.device) FROM (SELECT t.device FROM task t
        WHERE t.job = $1 AND t.device > $2 ORDER BY t.device LIMIT $3) AS c";
const PURGE: &str = "DELETE FROM task WHERE job = $1 AND device > $2 AND device <= $3 AND exposed = 0";
/// Whoever came after replaced hardware has a task, so no chunk passes by.
const PURGE_FORMER: &str =
    "DELETE FROM former WHERE job = $1 AND device > $2 AND device <= $3 AND exposed = 0";
const PURGED: &str = "UPDATE job SET filled_to = $2 WHERE job = $1 AND filled_to = $3";
