//! The port to a key-value store: the four operations that every store gets right.
//!
//! Nothing here knows which store it is; values may be stale, lost or altered, so whoever reads one checks it.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// A key-value store. Keys are ASCII of `[A-Za-z0-9:._@-]`, at most 255 bytes; values at most 1 MiB.
pub trait Kv {
    /// The value of `key`, or `None`.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    /// Sets `key`, replacing what was there.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError>;
    /// Deletes `key`; deleting what is not there is no error.
    fn delete(&self, key: &str) -> Result<(), KvError>;
    /// Whether `key` is there.
    fn exists(&self, key: &str) -> Result<bool, KvError>;
}

/// The store failed. Its text is for the log; nothing decides by it.
#[derive(Debug, thiserror::Error)]
#[error("key-value store: {0}")]
pub struct KvError(pub String);

/// A store in memory: for tests and benchmarks, which may look into it and alter it.
#[derive(Debug, Default)]
pub struct MemoryKv(pub RefCell<BTreeMap<String, Vec<u8>>>);

impl Kv for MemoryKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), KvError> {
        self.0.borrow_mut().remove(key);
        Ok(())
    }

    fn exists(&self, key: &str) -> Result<bool, KvError> {
        Ok(self.0.borrow().contains_key(key))
    }
}
