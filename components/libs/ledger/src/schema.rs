//! The tables, and the migrations that lead to them.
//!
//! CHECK constraints and partial indexes make illegal rows impossible: counters that do not add up,
//! two live tasks of one device, an exposed task in a state that cannot be.

mod first;
mod second;
mod third;

use crate::dialect::Dialect;
use crate::sql::{Sql, SqlError};

/// Brings the database to the newest schema; `true` when it was not there before, whoever brought it there meanwhile.
///
/// Nobody calls this on the happy path: a component runs it when a statement failed, and then tries once more.
/// It may race with itself: a lock orders the racers and the later finds it done. One read, and no lock, when the
/// statement failed for another reason.
pub fn ensure(sql: &dyn Sql, dialect: Dialect) -> Result<bool, SqlError> {
    // A new database has no such table, which is an error here and the reason to go on.
    if newest(sql).is_ok_and(|done| done == MIGRATIONS.len()) {
        return Ok(false);
    }
    let [outside, inside] = dialect.settle;
    if let Some(statement) = outside {
        sql.query(statement, &[])?;
    }
    sql.execute(dialect.begin, &[])?;
    let settled = inside.map_or(Ok(Vec::new()), |statement| sql.query(statement, &[]));
    let migrated = settled.and_then(|_| migrate(sql, dialect));
    let ended = migrated.and_then(|()| sql.execute("COMMIT", &[]).map(|_| true));
    if ended.is_err() {
        // The first error is the one to report, and whoever tries again must find no transaction.
        let _ = sql.execute("ROLLBACK", &[]);
    }
    ended
}

/// The number of the last migration that was run.
fn newest(sql: &dyn Sql) -> Result<usize, SqlError> {
    let rows = sql.query("SELECT COALESCE(MAX(number), 0) FROM migration", &[])?;
    let done = rows.first().map_or(Ok(0), |row| row.int(0))?;
    usize::try_from(done).map_err(|_| SqlError(format!("{done} is no number of a migration")))
}

fn migrate(sql: &dyn Sql, dialect: Dialect) -> Result<(), SqlError> {
    sql.execute("CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY)", &[])?;
    let done = newest(sql)?;
    for (number, statements) in (1i64..).zip(MIGRATIONS).skip(done) {
        for statement in *statements {
            sql.execute(&dialect.declaration(statement), &[])?;
        }
        sql.execute("INSERT INTO migration (number) VALUES ($1)", &[number.into()])?;
    }
    Ok(())
}

/// Numbered from 1. What has been released is never changed, only followed.
const MIGRATIONS: &[&[&str]] = &[first::STATEMENTS, second::STATEMENTS, third::STATEMENTS];
