//! One decision, one transaction: it commits whole, or it leaves nothing.

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
