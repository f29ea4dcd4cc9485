//! `ota product`.

mod add;
mod list;
mod set;
mod settings;

use clap::Subcommand;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Kinds of devices.
#[derive(Debug, Subcommand)]
pub(crate) enum Product {
    /// Register a product; one that is there already is no error
    Add(add::Add),
    /// List the products
    List,
    /// Change the settings of a product
    Set(set::Set),
}

impl Product {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(command) => command.run(client, output),
            Self::List => list::run(client, output),
            Self::Set(command) => command.run(client, output),
        }
    }
}
