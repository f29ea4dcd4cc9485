//! SQL over rusqlite.

use std::path::Path;

use ota_ledger::{Row, Sql, SqlError, Value};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::placeholders::{changes_rows, numbered};

/// Compiled statements that a connection keeps: all that the ledger has.
const STATEMENTS: usize = 128;

/// SQL over a SQLite of our own.
pub struct NativeSqlite(Connection);

impl NativeSqlite {
    /// A database in memory, which dies with this value.
    pub fn in_memory() -> Result<Self, SqlError> {
        Connection::open_in_memory().and_then(Self::over).map_err(failed)
    }

    /// The database in a file, created if it is not there; a locked one is waited for up to 5 s, as under Spin.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        Connection::open(path).and_then(Self::over).map_err(failed)
    }

    /// Compiles each statement once, as the host does: whatever the values of its parameters, its plan is the same.
    fn over(connection: Connection) -> rusqlite::Result<Self> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(Self(connection))
    }
}

impl Sql for NativeSqlite {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        let mut statement = self.0.prepare_cached(&numbered(sql)).map_err(failed)?;
        let changed = statement.execute(params_from_iter(params.iter().map(Parameter))).map_err(failed)?;
        Ok(if changes_rows(sql) { changed as u64 } else { 0 })
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut statement = self.0.prepare_cached(&numbered(sql)).map_err(failed)?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(params.iter().map(Parameter))).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let columns = (0..width).map(|n| row.get_ref(n).map_err(failed).and_then(column));
            all.push(Row(columns.collect::<Result<_, _>>()?));
        }
        Ok(all)
    }
}

struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => rusqlite::types::Null.into(),
            Value::Int(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
        })
    }
}

fn column(value: ValueRef<'_>) -> Result<Value, SqlError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(text) => String::from_utf8(text.to_vec())
            .map(Value::Text)
            .map_err(|_| SqlError("a column is not UTF-8".to_owned())),
        ValueRef::Real(_) | ValueRef::Blob(_) => Err(SqlError("a column is a float or a blob".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: rusqlite::Error) -> SqlError {
    SqlError(error.to_string())
}
