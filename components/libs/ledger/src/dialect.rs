//! What the databases do not share: how a transaction opens, and how the clock is read.

/// The few words in which one database differs from another.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Opens a transaction that may write.
    pub begin: &'static str,
    /// The database's clock in milliseconds since 1970: the only clock that decides.
    pub now: &'static str,
}

impl Dialect {
    /// Spin's SQLite, and rusqlite. `IMMEDIATE`, because a deferred upgrade fails at once,
    /// whatever the busy time-out.
    pub const SQLITE: Self =
        Self { begin: "BEGIN IMMEDIATE", now: "CAST(unixepoch('subsec') * 1000 AS BIGINT)" };

    /// `sql` with `{now}` replaced by the clock.
    pub(crate) fn text(self, sql: &str) -> String {
        sql.replace("{now}", self.now)
    }
}
