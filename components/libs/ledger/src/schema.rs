//! The tables, and the migrations that lead to them.
//!
//! CHECK constraints and partial indexes make illegal rows impossible: counters that do not add up,
//! two live tasks of one device, an exposed task in a state that cannot be.

mod first;
mod second;

use crate::dialect::Dialect;
use crate::sql::{Sql, SqlError};

/// Brings the database to the newest schema; `true` when there was something to do.
///
/// Nobody calls this on the happy path: a component runs it when a statement failed, and then tries once more.
/// It may race with itself: a lock orders the racers and the later finds it done.
pub fn ensure(sql: &dyn Sql, dialect: Dialect) -> Result<bool, SqlError> {
    let [outside, inside] = dialect.settle;
    if let Some(statement) = outside {
        sql.query(statement, &[])?;
    }
    sql.execute(dialect.begin, &[])?;
    if let Some(statement) = inside {
        sql.query(statement, &[])?;
    }
    let result = migrate(sql, dialect);
    sql.execute(if result.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[])?;
    result
}

fn migrate(sql: &dyn Sql, dialect: Dialect) -> Result<bool, SqlError> {
    sql.execute("CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY)", &[])?;
    let rows = sql.query("SELECT COALESCE(MAX(number), 0) FROM migration", &[])?;
    let done = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let mut has_changed = false;
    for (number, statements) in (1i64..).zip(MIGRATIONS) {
        if number <= done {
            continue;
        }
        for statement in *statements {
            sql.execute(&dialect.declaration(statement), &[])?;
        }
        sql.execute("INSERT INTO migration (number) VALUES ($1)", &[number.into()])?;
        has_changed = true;
    }
    Ok(has_changed)
}

/// Numbered from 1. What has been released is never changed, only followed.
const MIGRATIONS: &[&[&str]] = &[first::STATEMENTS, second::STATEMENTS];
