//! Keys and values over Spin's store.

use std::cell::OnceCell;

use ota_image::kv::{Kv, KvError};
use spin_sdk::key_value::{Error, Store};

/// The store `default`, opened at the first call.
#[derive(Default)]
pub struct SpinKv(OnceCell<Store>);

impl Kv for SpinKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.store()?.get(key).map_err(failed)
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.store()?.set(key, value).map_err(failed)
    }

    fn delete(&self, key: &str) -> Result<(), KvError> {
        self.store()?.delete(key).map_err(failed)
    }

    fn exists(&self, key: &str) -> Result<bool, KvError> {
        self.store()?.exists(key).map_err(failed)
    }
}

impl SpinKv {
    fn store(&self) -> Result<&Store, KvError> {
        if let Some(store) = self.0.get() {
            return Ok(store);
        }
        let opened = Store::open_default().map_err(failed)?;
        Ok(self.0.get_or_init(|| opened))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: Error) -> KvError {
    KvError(error.to_string())
}
