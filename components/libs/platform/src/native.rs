//! The same ports natively: for tests, and for benchmarks that compare. Behind the feature `native`, so that nothing
//! of it links into a component.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use ota_image::kv::MemoryKv;
use ota_ledger::{Row, Sql, SqlError, Value};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::gateway::{
    BRIDGE_TOKEN, Gateway, LINK_KEY, OPERATOR_TOKEN, PUBLIC_URL, PUBLISH_PATH, PUBLISH_TOKEN, PUBLISH_URL,
    SECRET_KEY,
};
use crate::placeholders::{changes_rows, numbered};
use crate::ports::{Outbound, OutboundError, SystemClock, SystemRandom};

/// SQL over a SQLite of our own.
pub struct NativeSqlite(Connection);

impl NativeSqlite {
    /// A database in memory, which dies with this value.
    pub fn in_memory() -> Result<Self, SqlError> {
        Connection::open_in_memory().map(Self).map_err(failed)
    }

    /// The database in a file, created if it is not there; a locked one is waited for up to 5 s, as under Spin.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        Connection::open(path).map(Self).map_err(failed)
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

/// A gateway for one test: its own database and store, every door with a key, and a broker that writes down what it
/// is sent. Everything may be looked into and altered.
pub struct World {
    /// Empty; its schema comes with the first decision.
    pub sql: NativeSqlite,
    /// Empty.
    pub kv: MemoryKv,
    /// All that have to be set.
    pub variables: BTreeMap<String, String>,
    /// The broker beside us.
    pub outbound: Recorder,
}

impl World {
    /// A world in memory.
    pub fn new() -> Result<Self, SqlError> {
        let variables = [
            (BRIDGE_TOKEN, "the-bridge-token"),
            (OPERATOR_TOKEN, "the-operator-token"),
            (LINK_KEY, "a link key of the tests"),
            (SECRET_KEY, "a secret key of the tests"),
            (PUBLIC_URL, "http://gateway.test"),
            (PUBLISH_URL, "http://broker.test"),
            (PUBLISH_PATH, "/api/v5/publish"),
            (PUBLISH_TOKEN, "the-publish-token"),
        ];
        Ok(Self {
            sql: NativeSqlite::in_memory()?,
            kv: MemoryKv::default(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            outbound: Recorder::default(),
        })
    }

    /// The gateway over this world.
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway {
            sql: &self.sql,
            kv: &self.kv,
            variables: &self.variables,
            random: &SystemRandom,
            clock: &SystemClock,
            outbound: &self.outbound,
        }
    }
}

/// A service that writes down what it is sent, and answers what it is told to.
pub struct Recorder {
    /// What it was sent, in order.
    pub requests: RefCell<Vec<http::Request<Vec<u8>>>>,
    /// What it answers; `None`: nothing, as if it were not there.
    pub status: Cell<Option<StatusCode>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { requests: RefCell::default(), status: Cell::new(Some(StatusCode::OK)) }
    }
}

impl Outbound for Recorder {
    fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.requests.borrow_mut().push(request);
        let status = self.status.get().ok_or_else(|| OutboundError("nobody is there".to_owned()))?;
        let mut response = http::Response::new(Vec::new());
        *response.status_mut() = status;
        Ok(response)
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
