//! SQL over Spin's Postgres.

use std::cell::RefCell;

use ota_ledger::sql::{Row, Sql, SqlError, Value};
use ota_protocol::secret::Secret;
use spin_sdk::pg::{Connection, DbValue, ParameterValue, PgError};

use crate::postgres::{answer, wrapped};

/// Ends whatever transaction there is.
const ROLLBACK: &str = "ROLLBACK";

/// A connection of Spin's pool, taken at the first statement. The pool hands it on as it is left.
pub struct SpinPostgres {
    url: Secret,
    connection: RefCell<Option<Connection>>,
}

impl SpinPostgres {
    /// The database at `url`; nothing is opened yet.
    pub fn new(url: Secret) -> Self {
        Self { url, connection: RefCell::new(None) }
    }

    /// Gives the connection back; the next statement takes one again. To be called outside transactions.
    pub fn release(&self) {
        self.connection.replace(None);
    }

    fn with<T>(&self, act: impl FnOnce(&Connection) -> Result<T, PgError>) -> Result<T, SqlError> {
        let failed = |error: PgError| {
            // Spin's own words may hold the address.
            SqlError(error.to_string().replace(self.url.expose(), "the address in postgres_url"))
        };
        let mut connection = self.connection.borrow_mut();
        let open = match connection.take() {
            Some(open) => open,
            None => open(&self.url).map_err(failed)?,
        };
        act(connection.insert(open)).map_err(failed)
    }
}

impl Sql for SpinPostgres {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        let params = parameters(params);
        let done = self.with(|connection| connection.execute(sql, &params));
        if done.is_err() && sql == ROLLBACK {
            // A connection that cannot even do this is dead: whoever tries again gets another.
            self.release();
        }
        done
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let params = parameters(params);
        let found = self.with(|connection| connection.query(&wrapped(sql), &params))?;
        let rows = found.rows.into_iter().map(|row| row.into_iter().map(column).collect());
        let rows: Vec<Row> = rows.map(|row: Result<_, _>| row.map(Row)).collect::<Result<_, _>>()?;
        Ok(answer(sql, rows))
    }
}

/// Whoever had the connection before may have ended inside a transaction.
fn open(url: &Secret) -> Result<Connection, PgError> {
    let connection = Connection::open(url.expose())?;
    connection.execute(ROLLBACK, &[])?;
    Ok(connection)
}

fn parameters(params: &[Value]) -> Vec<ParameterValue> {
    let to_postgres = |value: &Value| match value {
        Value::Null => ParameterValue::DbNull,
        Value::Int(value) => ParameterValue::Int64(*value),
        Value::Text(value) => ParameterValue::Str(value.clone()),
    };
    params.iter().map(to_postgres).collect()
}

fn column(value: DbValue) -> Result<Value, SqlError> {
    match value {
        DbValue::DbNull => Ok(Value::Null),
        DbValue::Int8(value) => Ok(Value::Int(value.into())),
        DbValue::Int16(value) => Ok(Value::Int(value.into())),
        DbValue::Int32(value) => Ok(Value::Int(value.into())),
        DbValue::Int64(value) => Ok(Value::Int(value)),
        DbValue::Str(value) => Ok(Value::Text(value)),
        other => Err(SqlError(format!("a column is neither an integer nor text: {other:?}"))),
    }
}
