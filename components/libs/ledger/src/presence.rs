//! Presence: who is connected, by the word of bridges and brokers. Advisory: it decides who is worth telling, no more.

use ota_protocol::key::DeviceId;

use crate::inform::SET_READY;
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

/// The most changes that one transaction takes.
pub const CHANGES: usize = 200;

impl Ledger<'_> {
    /// The device connected: it is reachable until it disconnects, and is granted what it may have.
    /// Unknown devices are passed over.
    pub fn connected(&self, session: &Session) -> Result<(), SqlError> {
        let arrived = self.changed(&[(session.clone(), Change::Connected)])?;
        arrived.iter().try_for_each(|id| self.grant_connected(id))
    }

    /// The device's session ended; an older session than the one on record changes nothing.
    pub fn disconnected(&self, session: &Session) -> Result<(), SqlError> {
        self.changed(&[(session.clone(), Change::Disconnected)]).map(|_| ())
    }

    /// The same for many, of each device in order: who connected and may have tasks, for
    /// [`grant_connected`](Self::grant_connected). Meanwhile the sweep may grant them, too.
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
            Change::Connected => (CONNECTED, SET_READY),
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
        AND (connected = 0 OR COALESCE(bridge, '') <> COALESCE($3, '') OR session <= $4)";
const DISCONNECTED: &str = "UPDATE device SET connected = 0, heard_at = {now}
    WHERE product = $1 AND device = $2 AND connected = 1
        AND COALESCE(bridge, '') = COALESCE($3, '') AND session = $4";
/// A device that went away may still be heard for a while; one that lapsed was not reachable before, and is not now.
const STAYS_READY: &str = "UPDATE task SET
        ready_until = {now} + (SELECT j.reachable_within FROM job j WHERE j.job = task.job)
    WHERE product = $1 AND device = $2 AND state = 'waiting' AND ready_until >= 9000000000000000";
const HAS_INFORMED: &str = "SELECT 1 FROM device WHERE product = $1 AND device = $2 AND version IS NOT NULL";
