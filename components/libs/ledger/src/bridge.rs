//! Bridges: which of them live, by their own calls, and what becomes of the sessions of one that died.
//!
//! A bridge that was killed reports no end of its sessions. Nobody could deliver to them, so they are no reason to
//! grant a device anything. One that lives after all, and one that the ledger does not know, is asked to report its
//! sessions: it stays suspected until it says that it does, so that no answer that got lost leaves them out.

use crate::transaction::End;
use crate::{Ledger, SqlError};

/// How long a bridge may be silent before it is suspected, and how long after that its sessions end (ms). Twice, since
/// it may be the gateway that was away: then every bridge is suspected, and whoever lives calls again within that time.
/// One that has not reported since has that time once.
const SILENT_FOR: i64 = 60_000;
/// That a bridge calls is written at most this often (ms).
const HEARD_EVERY: i64 = 20_000;
/// The most sessions that one call ends.
const SESSIONS: i64 = 200;

/// What the ledger knows of a bridge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bridge {
    /// From when on its silence counts (ms); `None` when it was never heard.
    pub silent_from: Option<i64>,
    /// Whether it was silent until then, and has not said since that it reports its sessions.
    pub is_suspected: bool,
}

impl Ledger<'_> {
    /// The bridge `name`, which is `bridge`, calls, and says whether it reports its sessions, as it was asked to. Whether
    /// it is asked: by then sessions of it may have ended, or may never have been heard of.
    pub(crate) fn hear_bridge(
        &self,
        name: &str,
        bridge: Bridge,
        is_reporting: bool,
        now: i64,
    ) -> Result<bool, SqlError> {
        let is_heard_for = |ms| bridge.silent_from.is_some_and(|silent_from| silent_from > now + ms);
        // Silent since it was asked, it is asked again.
        let must_report = !is_heard_for(0) || (bridge.is_suspected && !is_reporting);
        if must_report != bridge.is_suspected || !is_heard_for(SILENT_FOR - HEARD_EVERY) {
            let values = [name.into(), SILENT_FOR.into(), i64::from(must_report).into()];
            self.sql.execute(&self.dialect.text(HEARD), &values)?;
        }
        Ok(must_report)
    }

    /// The bridge was silent: it is suspected, or, if it was already, some of its sessions end. `true` when there may be
    /// more of them.
    ///
    /// One transaction for some devices: each is locked before its tasks, and no job is. Whoever holds one of them waits
    /// for none of the others.
    pub(crate) fn end_sessions(&self, bridge: &str) -> Result<bool, SqlError> {
        let key = [bridge.into()];
        self.transaction(|| {
            let silent_for = [bridge.into(), SILENT_FOR.into()];
            if self.sql.execute(&self.dialect.text(SUSPECT), &silent_for)? == 1 {
                return Ok(End::Commit(false));
            }
            // Held to the end: it has not called meanwhile, and no other sweep does the same.
            if self.sql.execute(&self.dialect.text(STILL_SILENT), &key)? == 0 {
                return Ok(End::Rollback(false));
            }
            let devices = self.sql.query(SESSIONS_OF, &[bridge.into(), SESSIONS.into()])?;
            if devices.is_empty() {
                self.sql.execute(FORGET, &key)?;
                return Ok(End::Commit(false));
            }
            for device in devices {
                let (product, device) = (device.text(0)?, device.text(1)?);
                let session = [product.as_str().into(), device.as_str().into(), bridge.into()];
                if self.sql.execute(END_SESSION, &session)? == 1 {
                    self.sql.execute(UNREACHABLE, &session[..2])?;
                }
            }
            Ok(End::Commit(true))
        })
    }
}

const HEARD: &str = "INSERT INTO bridge (bridge, silent_from, suspected) VALUES ($1, {now} + $2, $3)
    ON CONFLICT (bridge) DO UPDATE SET silent_from = excluded.silent_from, suspected = excluded.suspected";
const SUSPECT: &str = "UPDATE bridge SET suspected = 1, silent_from = {now} + $2
    WHERE bridge = $1 AND suspected = 0 AND silent_from <= {now}";
const STILL_SILENT: &str = "UPDATE bridge SET suspected = suspected
    WHERE bridge = $1 AND suspected = 1 AND silent_from <= {now}";
const SESSIONS_OF: &str = "SELECT d.product, d.device FROM device d
    WHERE d.bridge = $1 AND d.connected = 1 ORDER BY d.product, d.device LIMIT $2";
const FORGET: &str = "DELETE FROM bridge WHERE bridge = $1";
/// It steps back by one number: told once more by a bridge that lives after all, it is newer than what is on record,
/// and its end is too.
const END_SESSION: &str = "UPDATE device SET connected = 0, session = session - 1
    WHERE product = $1 AND device = $2 AND bridge = $3 AND connected = 1";
/// It counts as reachable for as long as it would without a session.
const UNREACHABLE: &str = "UPDATE task SET ready_until =
        (SELECT d.heard_at FROM device d WHERE d.product = task.product AND d.device = task.device)
        + (SELECT j.reachable_within FROM job j WHERE j.job = task.job)
    WHERE product = $1 AND device = $2 AND state = 'waiting' AND ready_until >= 9000000000000000
        AND EXISTS (SELECT 1 FROM job j WHERE j.job = task.job AND j.state <> 'deleted')";
