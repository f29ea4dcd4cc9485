//! `ota firmware`.

mod list;
mod push;

use clap::Subcommand;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Firmware files.
#[derive(Debug, Subcommand)]
pub(crate) enum Firmware {
    /// Upload a firmware file; the same file again is no error
    Push(push::Push),
    /// List a product's firmware in the order of registration
    List(list::List),
}

impl Firmware {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Push(command) => command.run(client, output),
            Self::List(command) => command.run(client, output),
        }
    }
}
