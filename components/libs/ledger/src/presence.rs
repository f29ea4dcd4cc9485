//! Presence: who is connected, by the word of bridges and brokers. Advisory: it decides who is worth telling, no more.
//!
//! A device's row has the newest session that is known of it, by its bridge and number, and whether it lasts. Reports
//! may come late, twice, and in another order than they were told, so the number decides: of one bridge, a report must
//! be of a newer session than the one on record, or of that one while it lasts; 0, which is unknown, begins always. An
//! end of which the begin is not known is on record too, and the begin, when it comes, is no news. Only a session that
//! ended by its bridge's silence steps back by one number: it alone may begin again, when its bridge reports it anew
//! (see `bridge.rs`).

use ota_protocol::key::DeviceId;

use crate::transaction::End;
use crate::{Ledger, SqlError};

/// A session that a bridge or broker reports.
#[derive(Debug, Clone)]
pub struct Session {
    /// The device.
    pub id: DeviceId,
    /// The bridge that holds it; `None` for a broker.
    pub bridge: Option<String>,
    /// Rises with each session of a bridge, so that the end of an old one says nothing of the new one; 0 when unknown.
    pub number: i64,
}

/// What became of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Connected,
    /// It ended.
    Disconnected,
}

/// The most changes that one transaction takes: whoever wants one of its devices waits for all of it, and gives up
/// after 2 s.
pub const CHANGES: usize = 50;

impl Ledger<'_> {
    /// Sessions began and ended, of each device in order: who connected and may have tasks, for
    /// [`grant_connected`](Self::grant_connected). Meanwhile the sweep may grant them, too. A device is reachable until
    /// it disconnects; unknown ones are passed over, and so is what an older session has to say.
    ///
    /// A transaction for up to [`CHANGES`] of them, since a fleet that comes at once must not wait for as many commits.
    /// Each device is locked before its tasks, in the order of their keys, and no job is: who holds one of them waits
    /// for none of the others.
    pub fn changed(&self, changes: &[(Session, Change)]) -> Result<Vec<DeviceId>, SqlError> {
        let mut changes: Vec<_> = changes.iter().collect();
        // Stable: the changes of one device stay in their order.
        changes.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let mut arrived = Vec::new();
        for chunk in changes.chunks(CHANGES) {
            arrived.extend(self.transaction(|| self.change_all(chunk).map(End::Commit))?);
        }
        Ok(arrived)
    }

    fn change_all(&self, changes: &[&(Session, Change)]) -> Result<Vec<DeviceId>, SqlError> {
        let mut arrived: Vec<DeviceId> = Vec::new();
        for (session, change) in changes {
            let may_have_tasks = self.change(session, *change)?;
            if arrived.last() == Some(&session.id) {
                arrived.pop();
            }
            if may_have_tasks && *change == Change::Connected {
                arrived.push(session.id.clone());
            }
        }
        Ok(arrived)
    }

    /// Whether it changed a device that may have tasks.
    fn change(&self, session: &Session, change: Change) -> Result<bool, SqlError> {
        let (statement, ready) = match change {
            Change::Connected => (CONNECTED, READY),
            Change::Disconnected => (DISCONNECTED, STAYS_READY),
        };
        let changed = self.sql.execute(
            &self.dialect.text(statement),
            &[
                session.id.product.as_str().into(),
                session.id.device.as_str().into(),
                session.bridge.as_deref().into(),
                session.number.into(),
            ],
        )?;
        let may_have_tasks = changed == 1 && self.has_informed(&session.id)?;
        if may_have_tasks {
            let key = [session.id.product.as_str().into(), session.id.device.as_str().into()];
            self.sql.execute(&self.dialect.text(ready), &key)?;
        }
        Ok(may_have_tasks)
    }

    /// Only a device that has reported a version joins in a job.
    fn has_informed(&self, id: &DeviceId) -> Result<bool, SqlError> {
        let rows = self.sql.query(HAS_INFORMED, &[id.product.as_str().into(), id.device.as_str().into()])?;
        Ok(!rows.is_empty())
    }
}

const CONNECTED: &str = "UPDATE device SET connected = 1, bridge = $3, session = $4, heard_at = {now}
    WHERE product = $1 AND device = $2
        AND (COALESCE(bridge, '') <> COALESCE($3, '') OR session < $4 OR (session = $4 AND connected = 1)
            OR CAST($4 AS BIGINT) = 0)";
/// What another bridge holds does not end by it.
const DISCONNECTED: &str = "UPDATE device SET connected = 0, bridge = $3, session = $4, heard_at = {now}
    WHERE product = $1 AND device = $2
        AND CASE WHEN COALESCE(bridge, '') <> COALESCE($3, '') THEN connected = 0
            ELSE session < $4 OR (session = $4 AND connected = 1) END";
/// It is reachable until it disconnects: 2^53 ms is beyond any clock. Each attempt takes a millisecond off it, so that
/// whoever was never granted goes before one that lapsed.
const READY: &str = "UPDATE task SET ready_until = 9007199254740992 - attempt
    WHERE product = $1 AND device = $2 AND state = 'waiting'
        AND EXISTS (SELECT 1 FROM job j WHERE j.job = task.job AND j.state <> 'deleted')";
/// A device that went away may still be heard for a while; one that lapsed was not reachable before, and is not now.
const STAYS_READY: &str = "UPDATE task SET
        ready_until = {now} + (SELECT j.reachable_within FROM job j WHERE j.job = task.job)
    WHERE product = $1 AND device = $2 AND state = 'waiting' AND ready_until >= 9000000000000000
        AND EXISTS (SELECT 1 FROM job j WHERE j.job = task.job AND j.state <> 'deleted')";
const HAS_INFORMED: &str = "SELECT 1 FROM device WHERE product = $1 AND device = $2 AND version IS NOT NULL";
