//! Parameters as SQLite numbers them.

/// `sql` with each `$n` outside quotes written `?n`: SQLite takes `$n` for a *name* and numbers names by first
/// appearance, where Postgres takes it for the number it says.
pub(crate) fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut quote = None;
    let mut copied = 0;
    let bytes = sql.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match (byte, quote) {
            (b'\'' | b'"', None) => quote = Some(byte),
            (_, Some(open)) if open == byte => quote = None,
            (b'$', None) if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                text.extend([sql.get(copied..at).unwrap_or_default(), "?"]);
                copied = at + 1;
            }
            _ => {}
        }
    }
    text + sql.get(copied..).unwrap_or_default()
}

/// Whether a statement changes rows, so that their number is worth asking for.
pub(crate) fn changes_rows(sql: &str) -> bool {
    let word: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    ["insert", "update", "delete", "replace", "with"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_nothing_else_changes() {
        for (sql, expected) in [
            ("SELECT $2, $1, $12", "SELECT ?2, ?1, ?12"),
            ("SELECT '$1', \"$2\", $3", "SELECT '$1', \"$2\", ?3"),
            ("SELECT 'it''s $1', $2", "SELECT 'it''s $1', ?2"),
            ("SELECT json_extract(a, '$.x'), $ FROM t", "SELECT json_extract(a, '$.x'), $ FROM t"),
            ("", ""),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }

    #[test]
    fn only_what_changes_rows_is_asked_how_many() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "\n  update t SET a = 1",
            "DELETE FROM t",
            "WITH x AS (SELECT 1) UPDATE t SET a = 1",
        ] {
            assert!(changes_rows(sql), "{sql}");
        }
        for sql in ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "CREATE TABLE t (a)", ""] {
            assert!(!changes_rows(sql), "{sql}");
        }
    }
}
