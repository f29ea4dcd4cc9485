//! SQL over Spin's SQLite.

use std::cell::OnceCell;

use ota_ledger::sql::{Row, Sql, SqlError, Value};
use spin_sdk::sqlite::{self, Connection};

use crate::placeholders::{changes_rows, numbered};

/// The database `default`, opened at the first statement. An `open` is a new connection, so a transaction
/// lives and dies with this value.
#[derive(Default)]
pub struct SpinSqlite(OnceCell<Connection>);

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
    fn run(&self, sql: &str, params: &[Value]) -> Result<sqlite::QueryResult, SqlError> {
        let params: Vec<_> = params.iter().map(to_sqlite).collect();
        self.connection()?.execute(&numbered(sql), &params).map_err(|error| SqlError(error.to_string()))
    }

    fn connection(&self) -> Result<&Connection, SqlError> {
        if let Some(connection) = self.0.get() {
            return Ok(connection);
        }
        let opened = Connection::open_default().map_err(|error| SqlError(error.to_string()))?;
        Ok(self.0.get_or_init(|| opened))
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
