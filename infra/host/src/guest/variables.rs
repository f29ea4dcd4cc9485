//! `fermyon:spin/variables`: the component's own variables, by name.

use super::Guest;
use super::bindings::fermyon::spin::variables::{Error, Host};

impl Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let value = self.grants.variables.0.get(&name).cloned();
        Ok(value.ok_or_else(|| Error::Undefined(format!("no variable for `{name}`"))))
    }
}
