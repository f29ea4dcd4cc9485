//! `ota device`.

mod add;
mod delete;
mod explain;
mod list;
mod replace;
mod show;
mod tag;

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
    /// Say why a device gets what it gets, job by job
    Explain(explain::Explain),
    /// Give a device exactly these tags
    Tag(tag::Tag),
    /// Give a device's key to new hardware; prints its new secret, which is shown only now
    Replace(replace::Replace),
    /// Take a device away
    Delete(delete::Delete),
}

impl Device {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(command) => command.run(client, output),
            Self::Show(command) => command.run(client, output),
            Self::List(command) => command.run(client, output),
            Self::Explain(command) => command.run(client, output),
            Self::Tag(command) => command.run(client, output),
            Self::Replace(command) => command.run(client, output),
            Self::Delete(command) => command.run(client, output),
        }
    }
}
