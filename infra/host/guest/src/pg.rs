//! Postgres, well and badly behaved; the query is the address.

use anyhow::{Context, Result, anyhow, bail};
use spin_sdk::pg::{Connection, DbValue, ParameterValue, PgError, RowSet};

/// One behaviour a path.
pub(crate) fn answer(segments: &[&str], address: &str) -> Result<Vec<u8>> {
    let [behaviour] = segments else {
        bail!("no such path: {segments:?}");
    };
    let connection = Connection::open(address).map_err(failed)?;
    match *behaviour {
        "open" => {}
        "init" => {
            run(&connection, "CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")?;
            run(&connection, "INSERT INTO counter (id, n) VALUES (1, 0)")?;
        }
        "count" => return count(&connection),
        "count-after-rollback" => {
            run(&connection, "ROLLBACK")?;
            return count(&connection);
        }
        "process" => return shown(&connection, "SELECT pg_backend_pid()"),
        "add" => return Ok(run(&connection, "UPDATE counter SET n = n + 1")?.to_string().into_bytes()),
        // A guest that forgets its transaction, handle and all.
        "leak" => {
            run(&connection, "BEGIN")?;
            run(&connection, "UPDATE counter SET n = n + 100")?;
            std::mem::forget(connection);
        }
        // Ends its request with a transaction that failed.
        "leak-failed" => {
            run(&connection, "BEGIN")?;
            run(&connection, "SELECT 1 / 0").err().context("a division by zero")?;
        }
        "hold" => {
            connection.query("SELECT pg_sleep(4)", &[]).map_err(failed)?;
        }
        "secure" => {
            return shown(&connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        }
        "types" => return types(&connection),
        "nulls" => return nulls(&connection),
        "unsigned" => {
            connection.query("SELECT $1", &[ParameterValue::Uint64(1)]).map_err(failed)?;
        }
        "narrow" => {
            connection.query("SELECT CAST($1 AS BIGINT)", &[ParameterValue::Int32(1)]).map_err(failed)?;
        }
        "nothing" => {
            let found = connection.query("SELECT 1 WHERE false", &[]).map_err(failed)?;
            return Ok(format!("{} {}", found.columns.len(), found.rows.len()).into_bytes());
        }
        _ => bail!("no such path: {segments:?}"),
    }
    Ok(Vec::new())
}

fn count(connection: &Connection) -> Result<Vec<u8>> {
    shown(connection, "SELECT n FROM counter WHERE id = 1")
}

/// The only value of the only row.
fn shown(connection: &Connection, statement: &str) -> Result<Vec<u8>> {
    let found = connection.query(statement, &[]).map_err(failed)?;
    let value = found.rows.first().and_then(|row| row.first()).context("no row")?;
    Ok(match value {
        DbValue::Int64(number) => number.to_string().into_bytes(),
        DbValue::Int32(number) => number.to_string().into_bytes(),
        DbValue::Boolean(claim) => claim.to_string().into_bytes(),
        other => bail!("{other:?}"),
    })
}

/// Every type through a parameter and back through a column.
fn types(connection: &Connection) -> Result<Vec<u8>> {
    let values = [
        ParameterValue::Boolean(true),
        ParameterValue::Int16(-1),
        ParameterValue::Int32(i32::MIN),
        ParameterValue::Int64(i64::MIN),
        ParameterValue::Floating32(0.5),
        ParameterValue::Floating64(0.25),
        ParameterValue::Str("äöü".to_owned()),
        ParameterValue::Binary(vec![0, 255, 1]),
    ];
    let statement = "SELECT CAST($1 AS boolean) AS o, CAST($2 AS smallint) AS s, CAST($3 AS integer) AS i, \
        CAST($4 AS bigint) AS b, CAST($5 AS real) AS r, CAST($6 AS double precision) AS d, \
        CAST($7 AS text) AS t, CAST($8 AS bytea) AS y, CAST(1.5 AS numeric) AS n";
    Ok(described(&connection.query(statement, &values).map_err(failed)?))
}

/// NULL where the statement has one type or another.
fn nulls(connection: &Connection) -> Result<Vec<u8>> {
    let values = [ParameterValue::DbNull, ParameterValue::DbNull, ParameterValue::DbNull];
    let statement = "SELECT CAST($1 AS bigint) AS b, CAST($2 AS text) AS t, CAST($3 AS bytea) AS y";
    Ok(described(&connection.query(statement, &values).map_err(failed)?))
}

fn described(found: &RowSet) -> Vec<u8> {
    let columns = found.columns.iter().map(|column| format!("{} {:?}", column.name, column.data_type));
    format!("{} | {:?}", columns.collect::<Vec<_>>().join(", "), found.rows).into_bytes()
}

fn run(connection: &Connection, statement: &str) -> Result<u64> {
    connection.execute(statement, &[]).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn failed(error: PgError) -> anyhow::Error {
    anyhow!("{error:?}")
}
