//! The SQL database: to a guest every `open` is a connection of its own, below
//! it connections are kept and lent. Writers queue for the lock in the order
//! they came instead of sleeping in SQLite's busy handler, so that a thread is
//! always free for the one who holds it.

mod host;
mod lease;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use session::Session;

/// How long a statement waits for another's transaction, as in Spin.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept.
const KEPT: usize = 64;
/// Compiled statements kept by a connection: more than the gateway has.
const STATEMENTS: usize = 128;

/// One database file and the connections to it.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Held by the connection that writes: the file has one writer at a time.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// Opens a file the way every store of this host does: durable at each commit.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The values of parameters change no plan: otherwise a statement out of the cache is compiled again at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

impl Database {
    /// Opens, or creates, the file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let first = open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]), writing: Arc::default() })
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }

    /// The list is whole between any two statements, so a panic elsewhere harms nothing.
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_compiled_once_whatever_its_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("one.db")).unwrap();
        connection.execute_batch("CREATE TABLE task (job TEXT, state TEXT, PRIMARY KEY (job))").unwrap();
        let sql = "SELECT state FROM task WHERE job = ?1 AND state = ?2 LIMIT ?3";
        for n in 1..5 {
            let mut statement = connection.prepare_cached(sql).unwrap();
            assert!(!statement.exists((n, "waiting", n)).unwrap());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "at use {n}");
        }
    }
}
