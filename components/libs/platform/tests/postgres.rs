//! SQL over a real Postgres: what goes in comes out, in order, as under Spin.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use ota_ledger::{Row, Sql as _, Value};
use ota_platform::native::NativePostgres;
use ota_postgres::{Database, Server};

fn connect() -> (Database, NativePostgres) {
    let database = Server::shared().unwrap().database().unwrap();
    let sql = NativePostgres::connect(&database.url).unwrap();
    (database, sql)
}

/// A table with the rows 3, 1, 2.
fn with_rows() -> (Database, NativePostgres) {
    let (database, sql) = connect();
    sql.execute("CREATE TABLE t (a BIGINT NOT NULL, b TEXT)", &[]).unwrap();
    for (a, b) in [(3, Some("three")), (1, None), (2, Some("two"))] {
        let changed = sql.execute("INSERT INTO t (a, b) VALUES ($1, $2)", &[a.into(), b.into()]).unwrap();
        assert_eq!(changed, 1);
    }
    (database, sql)
}

fn ints(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.int(0).unwrap()).collect()
}

#[test]
fn values_go_in_and_out_and_null_where_any_type_is() {
    let (_database, sql) = connect();
    let values = [i64::MIN.into(), "äöü".into(), Value::Null, Value::Null];
    let select = "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT)";
    assert_eq!(sql.query(select, &values).unwrap(), [Row(values.to_vec())]);
}

#[test]
fn integers_of_any_width_are_read_and_other_types_are_errors() {
    let (_database, sql) = connect();
    let rows =
        sql.query("SELECT CAST(1 AS SMALLINT), CAST(2 AS INTEGER), COUNT(*) FROM pg_class WHERE false", &[]);
    assert_eq!(rows.unwrap(), [Row(vec![1.into(), 2.into(), 0.into()])]);
    for select in ["SELECT true", "SELECT SUM(CAST(1 AS BIGINT))", "SELECT CAST(0.5 AS DOUBLE PRECISION)"] {
        assert!(sql.query(select, &[]).is_err(), "{select}");
    }
}

#[test]
fn rows_come_in_the_order_of_the_query_and_none_is_none() {
    let (_database, sql) = with_rows();
    assert_eq!(ints(&sql.query("SELECT a, b FROM t ORDER BY a", &[]).unwrap()), [1, 2, 3]);
    assert_eq!(ints(&sql.query("SELECT a, b FROM t ORDER BY a DESC LIMIT 2", &[]).unwrap()), [3, 2]);
    assert_eq!(
        ints(&sql.query("WITH q AS (SELECT a FROM t) SELECT a FROM q ORDER BY a", &[]).unwrap()),
        [1, 2, 3]
    );
    assert_eq!(sql.query("SELECT a FROM t WHERE a > $1", &[7.into()]).unwrap(), []);
    let twice = sql.query("SELECT t.a, u.a, t.b, u.b FROM t JOIN t u ON u.a = t.a WHERE t.a = 2", &[]);
    assert_eq!(twice.unwrap(), [Row(vec![2.into(), 2.into(), "two".into(), "two".into()])]);
    assert!(!sql.query("EXPLAIN SELECT a FROM t", &[]).unwrap().is_empty());
}

#[test]
fn a_statement_tells_how_many_rows_it_changed() {
    let (_database, sql) = with_rows();
    assert_eq!(sql.execute("UPDATE t SET b = $1 WHERE a > $2", &[Value::Null, 1.into()]).unwrap(), 2);
    assert_eq!(sql.execute("DELETE FROM t WHERE a = $1", &[9.into()]).unwrap(), 0);
    assert_eq!(sql.execute("BEGIN", &[]).unwrap(), 0);
    assert_eq!(sql.execute("DELETE FROM t", &[]).unwrap(), 3);
    assert_eq!(sql.execute("ROLLBACK", &[]).unwrap(), 0);
    assert_eq!(sql.query("SELECT a FROM t", &[]).unwrap().len(), 3);
}

#[test]
fn a_statement_that_failed_works_again_after_a_migration() {
    let (_database, sql) = with_rows();
    let all = "SELECT * FROM t WHERE a = 1";
    assert_eq!(sql.query(all, &[]).unwrap().len(), 1);
    sql.execute("ALTER TABLE t ADD COLUMN c BIGINT", &[]).unwrap();
    // Its plan no longer fits: the caller tries once more, as the gateway does.
    let again = sql.query(all, &[]).or_else(|_| sql.query(all, &[])).unwrap();
    assert_eq!(again, [Row(vec![1.into(), Value::Null, Value::Null])]);
}

#[test]
fn the_connection_carries_its_time_outs() {
    let (_database, sql) = connect();
    for (setting, value) in
        [("idle_in_transaction_session_timeout", "5s"), ("lock_timeout", "2s"), ("statement_timeout", "5s")]
    {
        let shown = sql.query("SELECT current_setting($1)", &[setting.into()]).unwrap();
        assert_eq!(shown, [Row(vec![value.into()])], "{setting}");
    }
}

#[test]
fn a_lock_that_is_held_is_waited_for_no_longer_than_its_time_out() {
    let (database, sql) = with_rows();
    let other = NativePostgres::connect(&database.url).unwrap();
    other.execute("BEGIN", &[]).unwrap();
    other.execute("UPDATE t SET b = NULL", &[]).unwrap();
    assert!(sql.execute("UPDATE t SET b = NULL", &[]).is_err());
    other.execute("COMMIT", &[]).unwrap();
    assert_eq!(sql.execute("UPDATE t SET b = NULL", &[]).unwrap(), 3);
}
