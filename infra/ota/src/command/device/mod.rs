//! `ota device`.

mod add;
mod list;
mod show;

use clap::Subcommand;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Devices and their secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Register a device; prints its secret, which is shown only now
    Add(add::Add),
    /// Show a device and its tasks
    Show(show::Show),
    /// List a product's devices
    List(list::List),
}

impl Device {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(command) => command.run(client, output),
            Self::Show(command) => command.run(client, output),
            Self::List(command) => command.run(client, output),
        }
    }
}
