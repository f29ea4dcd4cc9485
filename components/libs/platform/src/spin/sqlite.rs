//! SQL over Spin's SQLite.

use std::cell::{Ref, RefCell};

use ota_ledger::sql::{Row, Sql, SqlError, Value};
use spin_sdk::sqlite::{self, Connection};

use crate::placeholders::{changes_rows, numbered};

/// The database `default`, opened at the first statement. An `open` is a new connection, so a transaction
/// lives and dies with this value.
#[derive(Default)]
pub struct SpinSqlite(RefCell<Option<Connection>>);

impl Sql for SpinSqlite {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.run(sql, params)?;
        if !changes_rows(sql) {
            return Ok(0);
        }
        let rows = self.query("SELECT changes()", &[])?;
        let changed = rows.first().map_or(Ok(0), |row| row.int(0))?;
        u64::try_from(changed).map_err(|_| SqlError(format!("{changed} rows changed")))
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let rows = self.run(sql, params)?.rows;
        rows.into_iter()
            .map(|row| row.values.into_iter().map(from_sqlite).collect())
            .map(|row: Result<_, _>| row.map(Row))
            .collect()
    }
}

impl SpinSqlite {
    /// Closes the connection, outside a transaction; the next statement opens one again.
    pub(super) fn release(&self) {
        self.0.take();
    }

    fn run(&self, sql: &str, params: &[Value]) -> Result<sqlite::QueryResult, SqlError> {
        let params: Vec<_> = params.iter().map(to_sqlite).collect();
        self.connection()?.execute(&numbered(sql), &params).map_err(|error| SqlError(error.to_string()))
    }

    fn connection(&self) -> Result<Ref<'_, Connection>, SqlError> {
        if self.0.borrow().is_none() {
            let opened = Connection::open_default().map_err(|error| SqlError(error.to_string()))?;
            self.0.replace(Some(opened));
        }
        Ref::filter_map(self.0.borrow(), Option::as_ref)
            .map_err(|_| SqlError("the connection was closed while it was opened".to_owned()))
    }
}

fn to_sqlite(value: &Value) -> sqlite::Value {
    match value {
        Value::Null => sqlite::Value::Null,
        Value::Int(value) => sqlite::Value::Integer(*value),
        Value::Text(value) => sqlite::Value::Text(value.clone()),
    }
}

fn from_sqlite(value: sqlite::Value) -> Result<Value, SqlError> {
    match value {
        sqlite::Value::Null => Ok(Value::Null),
        sqlite::Value::Integer(value) => Ok(Value::Int(value)),
        sqlite::Value::Text(value) => Ok(Value::Text(value)),
        sqlite::Value::Real(value) => Err(SqlError(format!("a column is a float: {value}"))),
        sqlite::Value::Blob(value) => Err(SqlError(format!("a column is a blob of {} bytes", value.len()))),
    }
}
