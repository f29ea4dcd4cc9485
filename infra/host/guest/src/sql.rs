//! SQL transactions, well and badly behaved.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use spin_sdk::sqlite::{Connection, QueryResult, Value};

/// One behaviour a path; `query` carries its number where it takes one.
pub(crate) fn answer(segments: &[&str], query: &str) -> Result<Vec<u8>> {
    let [behaviour] = segments else {
        bail!("no such path: {segments:?}");
    };
    if *behaviour == "label" {
        return match Connection::open(query) {
            Ok(_) => Ok(b"open".to_vec()),
            Err(error) => Err(anyhow!("{error:?}")),
        };
    }
    let connection = Connection::open_default().map_err(failed)?;
    match *behaviour {
        "init" => {
            run(&connection, "CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")?;
            run(&connection, "INSERT INTO counter (id, n) VALUES (1, 0)")?;
        }
        "count" => return count(&connection),
        "increment" => {
            begin_and_add(&connection, 1)?;
            run(&connection, "COMMIT")?;
        }
        "capped" => return capped(&connection, query.parse().context("cap")?),
        // A guest that forgets its transaction, handle and all.
        "leak" => {
            begin_and_add(&connection, 100)?;
            std::mem::forget(connection);
        }
        #[expect(clippy::panic, reason = "the trap in the middle is what is tested")]
        "trap" => {
            begin_and_add(&connection, 100)?;
            panic!("in the middle of a transaction");
        }
        // Holds the write lock for that many milliseconds.
        "hold" => {
            begin_and_add(&connection, 1)?;
            std::thread::sleep(Duration::from_millis(query.parse().context("milliseconds")?));
            run(&connection, "COMMIT")?;
        }
        "types" => return types(&connection),
        "bad-text" => {
            run(&connection, "SELECT CAST(x'ff00ff' AS TEXT)")?;
        }
        "endless" => {
            run(
                &connection,
                "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c",
            )?;
        }
        _ => bail!("no such path: {segments:?}"),
    }
    Ok(Vec::new())
}

fn begin_and_add(connection: &Connection, amount: i64) -> Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    connection
        .execute("UPDATE counter SET n = n + ?1 WHERE id = 1", &[Value::Integer(amount)])
        .map_err(failed)?;
    Ok(())
}

/// Adds one unless the cap is reached, as the gateway takes a slot.
fn capped(connection: &Connection, cap: i64) -> Result<Vec<u8>> {
    run(connection, "BEGIN IMMEDIATE")?;
    connection
        .execute("UPDATE counter SET n = n + 1 WHERE id = 1 AND n < ?1", &[Value::Integer(cap)])
        .map_err(failed)?;
    let changed = number(&run(connection, "SELECT changes()")?)?;
    run(connection, "COMMIT")?;
    Ok(changed.to_string().into_bytes())
}

fn count(connection: &Connection) -> Result<Vec<u8>> {
    let found = run(connection, "SELECT n FROM counter WHERE id = 1")?;
    Ok(number(&found)?.to_string().into_bytes())
}

/// Every value type through a parameter and back through a column.
fn types(connection: &Connection) -> Result<Vec<u8>> {
    let values = [
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Text("äöü".to_owned()),
        Value::Blob(vec![0, 255, 1]),
        Value::Null,
    ];
    let found =
        connection.execute("SELECT ?1 AS i, ?2 AS r, ?3 AS t, ?4 AS b, ?5 AS n", &values).map_err(failed)?;
    let row = found.rows.first().context("no row")?;
    Ok(format!("{:?} {:?}", found.columns, row.values).into_bytes())
}

fn run(connection: &Connection, statement: &str) -> Result<QueryResult> {
    connection.execute(statement, &[]).map_err(failed)
}

fn number(found: &QueryResult) -> Result<i64> {
    let row = found.rows.first().context("no row")?;
    row.get::<i64>(0).context("no number")
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn failed(error: spin_sdk::sqlite::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
