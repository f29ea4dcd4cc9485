//! The configuration over Spin's variables.

use spin_sdk::variables::{self, Error};

use crate::ports::Variables;

/// The component's variables.
#[derive(Default)]
pub struct SpinVariables;

impl Variables for SpinVariables {
    fn get(&self, name: &str) -> Option<String> {
        match variables::get(name) {
            Ok(value) => Some(value).filter(|value| !value.is_empty()),
            Err(Error::Undefined(_)) => None,
            // A provider that fails leaves doors closed, which is safe, and says why here.
            Err(error) => {
                eprintln!("variable {name}: {error}");
                None
            }
        }
    }
}
