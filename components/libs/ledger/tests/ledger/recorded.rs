//! A database that writes down its statements and can fail at the n-th.

use std::cell::{Cell, RefCell};

use ota_ledger::{Row, Sql, SqlError, Value};

use crate::database::Connection;

/// One connection.
pub(crate) struct Recorded {
    connection: Connection,
    /// Every statement so far, with its parameters.
    pub(crate) statements: RefCell<Vec<(String, Vec<Value>)>>,
    /// Counts down; the statement that meets zero fails, and all after it.
    pub(crate) fails_after: Cell<Option<usize>>,
}

impl Recorded {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, statements: RefCell::default(), fails_after: Cell::new(None) }
    }

    /// How many statements `act` runs.
    pub(crate) fn count<T>(&self, act: impl FnOnce() -> T) -> (usize, T) {
        let before = self.statements.borrow().len();
        let result = act();
        (self.statements.borrow().len() - before, result)
    }

    /// The statements that `act` runs, with their parameters.
    pub(crate) fn statements_of(&self, act: impl FnOnce()) -> Vec<(String, Vec<Value>)> {
        let before = self.statements.borrow().len();
        act();
        self.statements.borrow()[before..].to_vec()
    }

    fn note(&self, sql: &str, params: &[Value]) -> Result<(), SqlError> {
        if let Some(left) = self.fails_after.get() {
            if left == 0 {
                return Err(SqlError("the database is gone".to_owned()));
            }
            self.fails_after.set(Some(left - 1));
        }
        self.statements.borrow_mut().push((sql.to_owned(), params.to_vec()));
        Ok(())
    }
}

impl Sql for Recorded {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.note(sql, params)?;
        self.connection.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.note(sql, params)?;
        self.connection.query(sql, params)
    }
}
