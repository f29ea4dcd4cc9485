//! The SQL port over rusqlite, which counts its statements and can fail at the n-th.

use std::cell::{Cell, RefCell};

use ota_ledger::{Row, Sql, SqlError, Value};
use rusqlite::types::{Value as Stored, ValueRef};

/// One connection.
pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
    /// Every statement so far.
    pub(crate) statements: RefCell<Vec<String>>,
    /// Counts down; the statement that meets zero fails, and all after it.
    pub(crate) fails_after: Cell<Option<usize>>,
}

impl Sqlite {
    pub(crate) fn in_memory() -> Self {
        Self::over(rusqlite::Connection::open_in_memory().unwrap())
    }

    pub(crate) fn over(connection: rusqlite::Connection) -> Self {
        Self { connection, statements: RefCell::default(), fails_after: Cell::new(None) }
    }

    /// How many statements `act` runs.
    pub(crate) fn count<T>(&self, act: impl FnOnce() -> T) -> (usize, T) {
        let before = self.statements.borrow().len();
        let result = act();
        (self.statements.borrow().len() - before, result)
    }

    fn note(&self, sql: &str) -> Result<(), SqlError> {
        if let Some(left) = self.fails_after.get() {
            if left == 0 {
                return Err(SqlError("the database is gone".to_owned()));
            }
            self.fails_after.set(Some(left - 1));
        }
        self.statements.borrow_mut().push(sql.to_owned());
        Ok(())
    }
}

impl Sql for Sqlite {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.note(sql)?;
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(failed)?;
        let changed =
            statement.execute(rusqlite::params_from_iter(params.iter().map(stored))).map_err(failed)?;
        Ok(changed as u64)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.note(sql)?;
        let mut statement = self.connection.prepare_cached(&numbered(sql)).map_err(failed)?;
        let columns = statement.column_count();
        let rows = statement
            .query_map(rusqlite::params_from_iter(params.iter().map(stored)), |row| {
                (0..columns).map(|n| Ok(value(row.get_ref(n)?))).collect::<Result<Vec<_>, _>>()
            })
            .map_err(failed)?;
        rows.map(|row| row.map(Row).map_err(failed)).collect()
    }
}

/// SQLite takes `$1` for a name and numbers it by first appearance.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn stored(value: &Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Int(value) => Stored::Integer(*value),
        Value::Text(value) => Stored::Text(value.clone()),
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
        other => panic!("the ledger stores no {other:?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn failed(error: rusqlite::Error) -> SqlError {
    SqlError(error.to_string())
}
