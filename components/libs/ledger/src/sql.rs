//! The port to a SQL database: two methods, so that one SQL text runs over Spin's SQLite,
//! Spin's Postgres, and native connections in tests.

/// One open connection. Statements use `$1`, `$2`, … and every parameter is used at least once.
pub trait Sql {
    /// Runs a statement and returns how many rows it changed.
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError>;
    /// Runs a query and returns its rows.
    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError>;
    /// Gives the connection back until the next statement, where a pool has few. To be called outside of transactions.
    fn release(&self) {}
}

/// A parameter or a column: BIGINT, TEXT or NULL; nothing else is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Integers, booleans (0, 1) and times (milliseconds since 1970).
    Int(i64),
    /// Text without U+0000.
    Text(String),
}

/// The database failed, or the row was not as the schema has it.
/// Its text is for the log; nothing decides by it.
#[derive(Debug, thiserror::Error)]
#[error("ledger: {0}")]
pub struct SqlError(pub String);

/// One row of an answer, its columns in the order of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `n` as an integer.
    pub fn int(&self, n: usize) -> Result<i64, SqlError> {
        self.opt_int(n)?.ok_or_else(|| SqlError(format!("column {n} is null")))
    }

    /// Column `n` as an integer or NULL.
    pub fn opt_int(&self, n: usize) -> Result<Option<i64>, SqlError> {
        match self.0.get(n) {
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            other => Err(SqlError(format!("column {n} is not an integer: {other:?}"))),
        }
    }

    /// Column `n` as text.
    pub fn text(&self, n: usize) -> Result<String, SqlError> {
        self.opt_text(n)?.ok_or_else(|| SqlError(format!("column {n} is null")))
    }

    /// Column `n` as text or NULL.
    pub fn opt_text(&self, n: usize) -> Result<Option<String>, SqlError> {
        match self.0.get(n) {
            Some(Value::Text(value)) => Ok(Some(value.clone())),
            Some(Value::Null) => Ok(None),
            other => Err(SqlError(format!("column {n} is not text: {other:?}"))),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
