//! A connection while somebody has it. Whatever way it ends, the connection
//! goes back without a transaction.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, InterruptHandle, ToSql, params_from_iter};
use tokio::sync::OwnedMutexGuard;

use super::Database;
use crate::guest::bindings::fermyon::spin::sqlite::{QueryResult, RowResult, Value};

/// A lent connection; dropping it rolls back and returns it.
pub(super) struct Lease {
    database: Arc<Database>,
    /// Absent only while it is being given back.
    connection: Option<Connection>,
    /// Held from the first write of a transaction to its end.
    writing: Option<OwnedMutexGuard<()>>,
    /// Has state that the next borrower must not find.
    is_altered: bool,
}

/// A statement that was run, or that must wait for the write lock first.
pub(super) enum Attempt {
    Ran(rusqlite::Result<QueryResult>),
    MustWait,
}

impl Lease {
    /// An idle connection; without one, [`Lease::open`] is to be called where blocking is fine.
    pub(super) fn idle(database: &Arc<Database>) -> Option<Self> {
        let connection = database.idle().pop()?;
        Some(Self::lend(database.clone(), connection))
    }

    /// A new connection. Blocks.
    pub(super) fn open(database: Arc<Database>) -> rusqlite::Result<Self> {
        let connection = super::open(&database.path)?;
        Ok(Self::lend(database, connection))
    }

    /// Stops a statement from outside.
    pub(super) fn interrupt_handle(&self) -> Option<InterruptHandle> {
        Some(self.connection.as_ref()?.get_interrupt_handle())
    }

    /// Runs one statement. Blocks, but never for another's transaction: a write
    /// that cannot begin comes back as [`Attempt::MustWait`].
    pub(super) fn attempt(&mut self, statement: &str, parameters: &[Value]) -> Attempt {
        let Some(connection) = &self.connection else {
            return Attempt::Ran(Err(rusqlite::Error::InvalidQuery));
        };
        let ran = match connection.prepare_cached(statement) {
            Ok(mut prepared) => {
                if self.writing.is_none() && !prepared.readonly() {
                    match self.database.writing.clone().try_lock_owned() {
                        Ok(writing) => self.writing = Some(writing),
                        Err(_) => return Attempt::MustWait,
                    }
                }
                run(&mut prepared, parameters)
            }
            Err(error) => Err(error),
        };
        if connection.is_autocommit() {
            self.writing = None;
        }
        self.is_altered |= alters_connection(statement);
        Attempt::Ran(ran)
    }

    /// Gives the write lock that [`Attempt::MustWait`] asked for.
    pub(super) fn hold(&mut self, writing: OwnedMutexGuard<()>) {
        self.writing = Some(writing);
    }

    fn lend(database: Arc<Database>, connection: Connection) -> Self {
        Self { database, connection: Some(connection), writing: None, is_altered: false }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let database = self.database.clone();
        if connection.is_autocommit() && !self.is_altered {
            database.keep(connection);
            return;
        }
        let (writing, is_altered) = (self.writing.take(), self.is_altered);
        let give_back = move || {
            if is_altered {
                drop(connection);
            } else if let Err(error) = connection.execute_batch("ROLLBACK") {
                tracing::warn!(%error, "a connection could not roll back and is closed");
            } else {
                database.keep(connection);
            }
            // Only now may the next one write.
            drop(writing);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn_blocking(give_back);
            }
            Err(_) => give_back(),
        }
    }
}

fn run(statement: &mut rusqlite::Statement<'_>, parameters: &[Value]) -> rusqlite::Result<QueryResult> {
    let names = statement.column_names();
    let columns: Vec<String> = names.into_iter().map(ToOwned::to_owned).collect();
    let width = columns.len();
    let mut found = statement.query(params_from_iter(parameters))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            values.push(match row.get::<_, SqlValue>(column)? {
                SqlValue::Null => Value::Null,
                SqlValue::Integer(number) => Value::Integer(number),
                SqlValue::Real(number) => Value::Real(number),
                SqlValue::Text(text) => Value::Text(text),
                SqlValue::Blob(bytes) => Value::Blob(bytes),
            });
        }
        rows.push(RowResult { values });
    }
    Ok(QueryResult { columns, rows })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Statements whose effect stays with the connection and not with the file.
fn alters_connection(statement: &str) -> bool {
    let mut words = statement.split_whitespace().take(2);
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    ["PRAGMA", "ATTACH", "DETACH"].iter().any(|word| first.eq_ignore_ascii_case(word))
        || first.eq_ignore_ascii_case("CREATE")
            && (second.eq_ignore_ascii_case("TEMP") || second.eq_ignore_ascii_case("TEMPORARY"))
}
