//! A SQLite in memory.

use ota_ledger::{Dialect, Row, Sql, SqlError, Value};
use ota_platform::native::NativeSqlite;

/// With the clock that tests turn.
pub(crate) const DIALECT: Dialect = Dialect::SQLITE.with_clock("(SELECT at FROM test_clock)");
/// A killed call is tried with each so many-th statement as its last.
pub(crate) const EVERY_CUT: usize = 1;
/// How many random schedules a property is tried with.
pub(crate) const CASES: u32 = 400;

/// The size of a fleet whose plans are read: the planner asks for no statistics.
pub(crate) const FLEET: i64 = 30;

/// What the clock of a new ledger shows (ms).
pub(crate) const START: i64 = 1_800_000_000_000;

/// One connection to a database of its own.
pub(crate) struct Connection(NativeSqlite);

impl Connection {
    /// To a new ledger, with a clock.
    pub(crate) fn fresh() -> Self {
        Self(prepared(NativeSqlite::in_memory().unwrap()))
    }
}

/// An empty database.
pub(crate) fn empty() -> Connection {
    Connection(NativeSqlite::in_memory().unwrap())
}

/// Words of the first migration that the databases do not share.
pub(crate) const WORDS: [(&str, &str); 2] =
    [("{serial}", "INTEGER PRIMARY KEY"), ("{random_id}", "lower(hex(randomblob(8)))")];

/// A new ledger that several connections share, in a file that goes with it.
pub(crate) struct Shared(tempfile::TempDir);

impl Shared {
    pub(crate) fn new() -> Self {
        let shared = Self::empty();
        prepared(shared.connect().0);
        shared
    }

    /// Without a schema.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection(NativeSqlite::open(&self.0.path().join("ledger.db")).unwrap())
    }
}

fn prepared(sql: NativeSqlite) -> NativeSqlite {
    assert!(ota_ledger::schema::ensure(&sql, Dialect::SQLITE).unwrap());
    sql.execute("CREATE TABLE test_clock (at BIGINT NOT NULL)", &[]).unwrap();
    sql.execute("INSERT INTO test_clock VALUES ($1)", &[START.into()]).unwrap();
    sql
}

/// A statement takes what time it needs.
pub(crate) fn unhurried(_: &dyn Sql) {}

/// The planner knows the tables as they are.
pub(crate) fn analyze(_: &dyn Sql) {}

/// Steps of the statement's plan, by the clock of the database, that read a whole table, other than those that stay small whatever the fleet does.
pub(crate) fn scans(sql: &dyn Sql, statement: &str, params: &[Value]) -> Vec<String> {
    let statement = statement.replace(DIALECT.now, Dialect::SQLITE.now);
    let plan = sql.query(&format!("EXPLAIN QUERY PLAN {statement}"), params).unwrap();
    let steps = plan.iter().map(|row| row.text(3).unwrap());
    steps.filter(|step| step.contains("AUTOMATIC") || is_scan(step)).collect()
}

fn is_scan(step: &str) -> bool {
    // The ledger's one row, hooks, values of a parameter, what was counted out, and the clock of tests.
    let small = ["l", "h", "e", "found", "CONSTANT", "test_clock"];
    let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
    scanned.is_some_and(|table| !small.contains(&table)) && !step.contains("USING INDEX")
}

impl Sql for Connection {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.0.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.0.query(sql, params)
    }
}
