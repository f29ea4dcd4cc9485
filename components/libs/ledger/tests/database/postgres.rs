//! A database of a private Postgres, one for each test: a copy of one with the schema.

use std::sync::OnceLock;

use ota_ledger::{Dialect, Row, Sql, SqlError, Value};
use ota_platform::native::NativePostgres;
use ota_postgres::{Database, Server, Settings};

/// With the clock that tests turn.
pub(crate) const DIALECT: Dialect = Dialect::POSTGRES.with_clock("(SELECT at FROM test_clock)");
/// How many random schedules a property is tried with.
pub(crate) const CASES: u32 = 40;

/// The size of a fleet whose plans are read.
pub(crate) const FLEET: i64 = 200_000;

/// What the clock of a new ledger shows (ms).
pub(crate) const START: i64 = 1_800_000_000_000;

/// One connection to a database of its own.
pub(crate) struct Connection {
    sql: NativePostgres,
    /// Goes after the connection; a shared one goes with [`Shared`].
    _database: Option<Database>,
}

impl Connection {
    /// To a new ledger, with a clock.
    pub(crate) fn fresh() -> Self {
        let Shared(database) = Shared::new();
        Self { sql: NativePostgres::connect(&database.url).unwrap(), _database: Some(database) }
    }
}

/// A new ledger that several connections share; its database goes with it.
pub(crate) struct Shared(Database);

impl Shared {
    pub(crate) fn new() -> Self {
        let (server, template) = template();
        Self(server.copy(template).unwrap())
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection { sql: NativePostgres::connect(&self.0.url).unwrap(), _database: None }
    }
}

/// The server of this process, and a database with the schema. Neither is dropped: the server ends with the process.
fn template() -> &'static (Server, Database) {
    static TEMPLATE: OnceLock<(Server, Database)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let server = Server::start_with(&Settings { is_fast: true, ..Settings::default() }).unwrap();
        let template = server.database().unwrap();
        let sql = NativePostgres::connect(&template.url).unwrap();
        assert!(ota_ledger::schema::ensure(&sql, Dialect::POSTGRES).unwrap());
        sql.execute("CREATE TABLE test_clock (at BIGINT NOT NULL)", &[]).unwrap();
        sql.execute("INSERT INTO test_clock VALUES ($1)", &[START.into()]).unwrap();
        (server, template)
    })
}

/// A statement takes what time it needs.
pub(crate) fn unhurried(sql: &dyn Sql) {
    sql.execute("SET statement_timeout = 0", &[]).unwrap();
}

/// The planner knows the tables as they are.
pub(crate) fn analyze(sql: &dyn Sql) {
    sql.execute("ANALYZE", &[]).unwrap();
}

/// Steps of the statement's plans that read a whole table, other than those that stay small whatever the fleet does: of
/// the plan for these parameters, and of the one for any, which a connection takes once it has run a statement often.
/// By the clock of the database, not that of tests.
pub(crate) fn scans(sql: &dyn Sql, statement: &str, params: &[Value]) -> Vec<String> {
    let statement = statement.replace(DIALECT.now, Dialect::POSTGRES.now);
    sql.execute(&format!("PREPARE explained AS {statement}"), &[]).unwrap();
    let values: Vec<String> = params.iter().map(literal).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let mut scans = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        sql.execute(&format!("SET plan_cache_mode = {mode}"), &[]).unwrap();
        let plan = sql.query(&format!("EXPLAIN EXECUTE explained{values}"), &[]).unwrap();
        let steps = plan.iter().map(|row| row.text(0).unwrap());
        scans.extend(steps.filter(|step| is_scan(step)).map(|step| format!("{mode}: {step}")));
    }
    sql.execute("DEALLOCATE explained", &[]).unwrap();
    scans
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}

fn is_scan(step: &str) -> bool {
    ["device", "device_tag", "task", "event", "outbox"]
        .iter()
        .any(|table| step.contains(&format!("Seq Scan on {table} ")))
}

impl Sql for Connection {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.sql.query(sql, params)
    }
}
