//! SQL over the database that the operator chose.

use ota_ledger::Dialect;
use ota_ledger::sql::{Row, Sql, SqlError, Value};

use super::{SpinPostgres, SpinSqlite};
use crate::store::Store;

/// One of the two; the other is never opened.
pub(super) enum SpinLedger {
    Sqlite(SpinSqlite),
    Postgres(SpinPostgres),
}

impl SpinLedger {
    pub(super) fn new(store: Store) -> Self {
        match store {
            Store::Sqlite => Self::Sqlite(SpinSqlite::default()),
            Store::Postgres(url) => Self::Postgres(SpinPostgres::new(url)),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::SQLITE,
            Self::Postgres(_) => Dialect::POSTGRES,
        }
    }

    fn sql(&self) -> &dyn Sql {
        match self {
            Self::Sqlite(sql) => sql,
            Self::Postgres(sql) => sql,
        }
    }
}

impl Sql for SpinLedger {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.sql().execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.sql().query(sql, params)
    }

    fn release(&self) {
        match self {
            Self::Sqlite(sql) => sql.release(),
            Self::Postgres(sql) => sql.release(),
        }
    }
}
