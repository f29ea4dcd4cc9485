//! The stores of a testbed: the real ones, with a count of their calls, a clock that is turned, and faults.

use std::cell::Cell;
use std::rc::Rc;

use ota_image::kv::{Kv, KvError, MemoryKv};
use ota_ledger::{Dialect, Row, Sql, SqlError, Value};
use ota_platform::native::NativeSqlite;

use crate::fault::{Calls, Fault};

/// A SQLite in memory.
pub struct Database {
    sqlite: NativeSqlite,
    clock: Rc<Cell<i64>>,
    calls: Calls,
}

impl Database {
    pub(crate) fn new(sqlite: NativeSqlite, clock: Rc<Cell<i64>>) -> Self {
        Self { sqlite, clock, calls: Calls::default() }
    }

    /// How many statements there were.
    pub fn count(&self) -> usize {
        self.calls.count()
    }

    /// Rows, for the test itself.
    pub fn look(&self, sql: &str) -> Vec<Row> {
        self.sqlite.query(sql, &[]).unwrap()
    }

    /// Alters what is stored, for the test itself.
    pub fn alter(&self, sql: &str) {
        assert_ne!(self.sqlite.execute(sql, &[]).unwrap(), 0, "{sql} changed nothing");
    }

    /// What the host does when a request is over: an open transaction is rolled back.
    pub(crate) fn disconnect(&self) {
        // Most often there is none.
        let _ = self.sqlite.execute("ROLLBACK", &[]);
    }

    /// The `n`-th call from now (from 0) fails.
    pub fn fail_at(&self, n: usize, fault: Fault) {
        self.calls.fail_at(n, fault);
    }

    /// Nothing fails any more; whether something did.
    pub fn heal(&self) -> bool {
        self.calls.heal()
    }

    fn call<T>(
        &self,
        sql: &str,
        params: &[Value],
        run: impl FnOnce(&str) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        assert!(!params.iter().any(has_nul), "U+0000 among the parameters of {sql}");
        let sql = sql.replace(Dialect::SQLITE.now, &self.clock.get().to_string());
        self.calls.make(|| run(&sql), || SqlError("a fault of the test".to_owned()))
    }
}

impl Sql for Database {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.call(sql, params, |sql| self.sqlite.execute(sql, params))
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.call(sql, params, |sql| self.sqlite.query(sql, params))
    }
}

/// A key-value store in memory. Keys and values outside the port's contract fail the test.
pub struct KeyValues {
    memory: MemoryKv,
    calls: Calls,
}

impl KeyValues {
    pub(crate) fn new(memory: MemoryKv) -> Self {
        Self { memory, calls: Calls::default() }
    }

    /// How many calls there were.
    pub fn count(&self) -> usize {
        self.calls.count()
    }

    /// The keys that begin with `prefix`, in order.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.memory.0.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Alters the value of `key`; the value that `alter` leaves `None` is deleted.
    pub fn alter(&self, key: &str, alter: impl FnOnce(&mut Option<Vec<u8>>)) {
        let mut values = self.memory.0.borrow_mut();
        let mut value = values.remove(key);
        assert!(value.is_some(), "there is no {key}");
        alter(&mut value);
        if let Some(value) = value {
            values.insert(key.to_owned(), value);
        }
    }

    /// The `n`-th call from now (from 0) fails.
    pub fn fail_at(&self, n: usize, fault: Fault) {
        self.calls.fail_at(n, fault);
    }

    /// Nothing fails any more; whether something did.
    pub fn heal(&self) -> bool {
        self.calls.heal()
    }

    fn call<T>(&self, key: &str, run: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":._@-".contains(&byte);
        assert!(key.len() <= 255 && key.bytes().all(is_plain), "{key:?} is no key");
        self.calls.make(run, || KvError("a fault of the test".to_owned()))
    }
}

impl Kv for KeyValues {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.call(key, || self.memory.get(key))
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        assert!(value.len() <= 1024 * 1024, "{key} has {} bytes", value.len());
        self.call(key, || self.memory.set(key, value))
    }

    fn delete(&self, key: &str) -> Result<(), KvError> {
        self.call(key, || self.memory.delete(key))
    }

    fn exists(&self, key: &str) -> Result<bool, KvError> {
        self.call(key, || self.memory.exists(key))
    }
}
