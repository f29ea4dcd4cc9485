//! The databases that schedules run on, and how the schedule rules over who waits for whom.

use std::path::PathBuf;

use ota_ledger::{Dialect, Sql, SqlError};
use ota_platform::native::{NativePostgres, NativeSqlite};

/// A database. Every connection to it is a fresh one.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file.
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(String),
}

/// Its clock, turned by the schedule.
const CLOCK: &str = "(SELECT at FROM test_clock)";

/// No wait ends by itself, and no deadlock: the schedule ends them. Nothing is compiled for tables of a few rows.
const SETTINGS: [&str; 5] = [
    "SET jit = off",
    "SET lock_timeout = 0",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET deadlock_timeout = '1h'",
];

impl Store {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::SQLITE.with_clock(CLOCK),
            Self::Postgres(_) => Dialect::POSTGRES.with_clock(CLOCK),
        }
    }

    /// Whether statements wait inside the database, for locks.
    pub(crate) fn waits_inside(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// A connection of which each statement returns at once, or waits for a lock.
    pub(crate) fn connect(&self) -> Result<Connection, SqlError> {
        match self {
            Self::Sqlite(path) => {
                let sql = NativeSqlite::open(path)?;
                // Nobody pulls the plug here, and nobody waits.
                sql.query("PRAGMA synchronous = OFF", &[])?;
                sql.query("PRAGMA busy_timeout = 0", &[])?;
                Ok(Connection { sql: Box::new(sql), backend: 0 })
            }
            Self::Postgres(url) => {
                let sql = NativePostgres::connect(url)?;
                for statement in SETTINGS {
                    sql.execute(statement, &[])?;
                }
                let rows = sql.query("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid", &[])?;
                let backend = rows.first().map_or(Ok(0), |row| row.int(0))?;
                Ok(Connection { sql: Box::new(sql), backend })
            }
        }
    }

    /// Whether a statement failed because somebody else writes: the SQLite of [`Self::connect`] does not wait.
    pub(crate) fn is_busy(&self, error: &SqlError) -> bool {
        matches!(self, Self::Sqlite(_)) && error.0.contains("database is locked")
    }
}

/// An open connection.
pub(crate) struct Connection {
    pub(crate) sql: Box<dyn Sql>,
    /// The server's process that serves it; 0 where there is none.
    pub(crate) backend: i64,
}

/// Which backends wait for which, as one read of the server's locks has it.
pub(crate) fn waits(sql: &dyn Sql) -> Result<Vec<(i64, i64)>, SqlError> {
    sql.query(WAITS, &[])?.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// Whether `backend` waits for itself in the end.
pub(crate) fn is_deadlocked(waits: &[(i64, i64)], backend: i64) -> bool {
    let mut reached = vec![backend];
    let mut next = 0;
    while next < reached.len() {
        let from = reached[next];
        for (_, holder) in waits.iter().filter(|(waiter, _)| *waiter == from) {
            if *holder == backend {
                return true;
            }
            if !reached.contains(holder) {
                reached.push(*holder);
            }
        }
        next += 1;
    }
    false
}

/// Ends what `backend` waits for with an error.
pub(crate) fn cancel(sql: &dyn Sql, backend: i64) -> Result<(), SqlError> {
    sql.query(CANCEL, &[backend.into()]).map(|_| ())
}

const WAITS: &str = "SELECT CAST(l.pid AS BIGINT) AS waiter, CAST(b.holder AS BIGINT) AS holder
    FROM pg_locks l CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS b(holder) WHERE NOT l.granted";
const CANCEL: &str =
    "SELECT CASE WHEN pg_cancel_backend(CAST(CAST($1 AS BIGINT) AS INTEGER)) THEN 1 ELSE 0 END AS was_there";
