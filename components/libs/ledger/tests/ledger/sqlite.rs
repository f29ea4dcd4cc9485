//! A SQLite that writes down its statements and can fail at the n-th.

use std::cell::{Cell, RefCell};

use ota_ledger::{Row, Sql, SqlError, Value};
use ota_platform::native::NativeSqlite;

/// One connection.
pub(crate) struct Sqlite {
    connection: NativeSqlite,
    /// Every statement so far.
    pub(crate) statements: RefCell<Vec<String>>,
    /// Counts down; the statement that meets zero fails, and all after it.
    pub(crate) fails_after: Cell<Option<usize>>,
}

impl Sqlite {
    pub(crate) fn in_memory() -> Self {
        let connection = NativeSqlite::in_memory().unwrap();
        Self { connection, statements: RefCell::default(), fails_after: Cell::new(None) }
    }

    /// How many statements `act` runs.
    pub(crate) fn count<T>(&self, act: impl FnOnce() -> T) -> (usize, T) {
        let before = self.statements.borrow().len();
        let result = act();
        (self.statements.borrow().len() - before, result)
    }

    fn note(&self, sql: &str) -> Result<(), SqlError> {
        if let Some(left) = self.fails_after.get() {
            if left == 0 {
                return Err(SqlError("the database is gone".to_owned()));
            }
            self.fails_after.set(Some(left - 1));
        }
        self.statements.borrow_mut().push(sql.to_owned());
        Ok(())
    }
}

impl Sql for Sqlite {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.note(sql)?;
        self.connection.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.note(sql)?;
        self.connection.query(sql, params)
    }
}
