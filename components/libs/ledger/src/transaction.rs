//! One decision, one transaction: it commits whole, or it leaves nothing.
//!
//! Locks are taken in one order, so that no two wait for each other: product, firmware, bridge, device, its tasks, job,
//! stage. Beside that, a hook comes before its messages.
//! - Whoever takes several jobs (quarantine, hardware that goes, tags) holds their product; all others take one.
//! - Whoever takes several devices (sessions that begin or end) takes no job, and the devices in the order of their keys.
//! - Behind a job come only rows that nobody reaches without it or without the device that is held: tasks that are being
//!   made or make room, offers that become void.
//! - A purge takes tasks of a job that was deleted, then that job.
//! - What is written without the device's lock is one row, conditional, and waits for nothing: a step or words beside an
//!   attempt, a push that was made.

use crate::{Ledger, SqlError};

/// How a transaction ends.
pub(crate) enum End<T> {
    /// What was written stays.
    Commit(T),
    /// What was written is taken back: a condition did not hold.
    Rollback(T),
}

impl Ledger<'_> {
    /// Runs `body` between BEGIN and COMMIT. Nothing but SQL may be awaited inside.
    pub(crate) fn transaction<T>(
        &self,
        body: impl FnOnce() -> Result<End<T>, SqlError>,
    ) -> Result<T, SqlError> {
        let begun = self.sql.execute(self.dialect.begin, &[]);
        let ended = begun.and_then(|_| body()).and_then(|end| match end {
            End::Commit(value) => self.sql.execute("COMMIT", &[]).map(|_| value),
            End::Rollback(value) => self.sql.execute("ROLLBACK", &[]).map(|_| value),
        });
        if ended.is_err() {
            // The first error is the one to report. Whatever failed may have left the transaction open, a commit too:
            // whoever tries again must find none.
            let _ = self.sql.execute("ROLLBACK", &[]);
        }
        ended
    }
}
