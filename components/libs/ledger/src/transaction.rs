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
        self.sql.execute(self.dialect.begin, &[])?;
        match body() {
            Ok(End::Commit(value)) => {
                self.sql.execute("COMMIT", &[])?;
                Ok(value)
            }
            Ok(End::Rollback(value)) => {
                self.sql.execute("ROLLBACK", &[])?;
                Ok(value)
            }
            Err(error) => {
                // The first error is the one to report; a connection that cannot roll back is dropped by its host.
                let _ = self.sql.execute("ROLLBACK", &[]);
                Err(error)
            }
        }
    }
}
