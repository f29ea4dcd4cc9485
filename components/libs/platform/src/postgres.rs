//! What Postgres under Spin asks for: an address that carries time-outs, and reads that always yield a row.
//!
//! Text only: it opens nothing, so the component and native tests run the same statements.

use ota_ledger::Row;

/// Spin's pool hands a connection on as it is. A component that ends inside a transaction leaves it open with its locks;
/// what the server ends by itself holds nobody up for long. A statement waits 2 s for a lock and runs 5 s at most.
const LIMITS: &str =
    "-c%20idle_in_transaction_session_timeout%3D5s%20-c%20lock_timeout%3D2s%20-c%20statement_timeout%3D5s";

/// How long a connection may take to come about (s).
const CONNECT_TIMEOUT: &str = "connect_timeout=5";

/// `url` with our limits before its own `options`, of which the later count; and with a time-out for connecting.
///
/// Empty `options` mean none at all: a pooler between that takes none (`PgBouncer`) needs them on the role.
///
/// # Errors
/// When it is no `postgres://…` or `postgresql://…`; the end of a sentence.
pub(crate) fn limited(url: &str) -> Result<String, &'static str> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("is no postgres://user:password@host:port/database");
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut own = None;
    let mut parts: Vec<&str> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.strip_prefix("options=") {
            Some(options) => own = Some(options),
            None => parts.push(part),
        }
    }
    if !parts.iter().any(|part| part.starts_with("connect_timeout=")) {
        parts.push(CONNECT_TIMEOUT);
    }
    let options = match own {
        None => Some(format!("options={LIMITS}")),
        Some("") => None,
        Some(own) => Some(format!("options={LIMITS}%20{own}")),
    };
    parts.extend(options.as_deref());
    Ok(format!("{address}?{}", parts.join("&")))
}

/// `sql` so that a row always comes back, the rows in their order: in Spin 4.0 a query without rows never returns.
/// Only statements that select are wrapped.
pub(crate) fn wrapped(sql: &str) -> String {
    if !selects(sql) {
        return sql.to_owned();
    }
    format!(
        "SELECT q.* FROM (VALUES (1)) s(one) LEFT JOIN \
         (SELECT row_number() OVER () AS row_of_answer, i.* FROM ({sql}) i) q ON true ORDER BY q.row_of_answer"
    )
}

/// The rows that `sql` has, of those that its [`wrapped`] form has.
pub(crate) fn answer(sql: &str, rows: Vec<Row>) -> Vec<Row> {
    if !selects(sql) {
        return rows;
    }
    let unwrap = |Row(mut columns): Row| {
        let is_real = !columns.is_empty() && columns.remove(0) != ota_ledger::Value::Null;
        is_real.then_some(Row(columns))
    };
    rows.into_iter().filter_map(unwrap).collect()
}

fn selects(sql: &str) -> bool {
    let word: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "with", "values"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

#[cfg(test)]
mod tests {
    use ota_ledger::Value;

    use super::*;

    #[test]
    fn an_address_carries_our_limits_and_its_own_options_count() {
        let limited = |query: &str| {
            let limited = limited(&format!("postgres://u:p@h:5432/d{query}")).unwrap();
            limited.strip_prefix("postgres://u:p@h:5432/d?").unwrap().to_owned()
        };
        assert_eq!(limited(""), format!("connect_timeout=5&options={LIMITS}"));
        assert_eq!(
            limited("?sslmode=require&connect_timeout=1"),
            format!("sslmode=require&connect_timeout=1&options={LIMITS}")
        );
        assert_eq!(
            limited("?options=-c%20lock_timeout%3D9s&sslmode=require"),
            format!("sslmode=require&connect_timeout=5&options={LIMITS}%20-c%20lock_timeout%3D9s")
        );
        assert_eq!(limited("?options="), "connect_timeout=5");
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for url in ["", "host=h user=u", "mysql://h/d", "h:5432"] {
            assert!(limited(url).is_err(), "{url}");
        }
        assert!(limited("postgresql://u:p@h/d").is_ok());
    }

    #[test]
    fn only_the_row_that_is_always_there_is_dropped() {
        let rows = vec![Row(vec![Value::Int(1), Value::Null]), Row(vec![Value::Int(2), Value::Int(7)])];
        assert_eq!(answer("SELECT a", rows), [Row(vec![Value::Null]), Row(vec![Value::Int(7)])]);
        assert_eq!(answer("SELECT a", vec![Row(vec![Value::Null, Value::Null])]), []);
        assert_eq!(answer("EXPLAIN SELECT a", vec![Row(vec![Value::Null])]), [Row(vec![Value::Null])]);
        assert_eq!(wrapped("EXPLAIN SELECT a"), "EXPLAIN SELECT a");
    }
}
