//! `fermyon:spin/key-value`: labels and handles in front of the stores.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::writer::Change;
use crate::guest::Guest;
use crate::guest::bindings::fermyon::spin::key_value::{Error, Host, HostStore};

/// An open store, as a guest holds it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Store {
    label: Arc<str>,
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for Guest {}

impl HostStore for Guest {
    async fn open(&mut self, label: String) -> Answer<Resource<Store>> {
        if !self.grants.key_value_stores.contains(&label) {
            return Ok(Err(Error::AccessDenied));
        }
        let label = label.into();
        Ok(Ok(self.table.push(Store { label })?))
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        let label = self.label(&store)?;
        Ok(self.key_value.value(label, key).await.map_err(Error::Other))
    }

    async fn set(&mut self, store: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        let store = self.label(&store)?;
        let change = Change::Set { store, key, value };
        Ok(self.key_value.write(change).await.map_err(Error::Other))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> Answer<()> {
        let store = self.label(&store)?;
        let change = Change::Delete { store, key };
        Ok(self.key_value.write(change).await.map_err(Error::Other))
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> Answer<bool> {
        let label = self.label(&store)?;
        Ok(self.key_value.exists(label, key).await.map_err(Error::Other))
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> Answer<Vec<String>> {
        let label = self.label(&store)?;
        Ok(self.key_value.keys(label).await.map_err(Error::Other))
    }

    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl Guest {
    fn label(&self, store: &Resource<Store>) -> wasmtime::Result<Arc<str>> {
        Ok(self.table.get(store)?.label.clone())
    }
}
