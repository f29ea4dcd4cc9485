//! `ota firmware`.

mod delivery;
mod file;
mod list;
mod patience;
mod push;
mod sign;

use clap::Subcommand;

use crate::command::Connect;
use crate::failure::Failure;
use crate::present::Output;

/// Firmware files.
#[derive(Debug, Subcommand)]
pub(crate) enum Firmware {
    /// Upload a firmware file; one that was interrupted goes on, the same file again is no error
    Push(push::Push),
    /// Sign a firmware file
    Sign(sign::Sign),
    /// List a product's firmware in the order of registration
    List(list::List),
}

impl Firmware {
    pub(crate) fn run(self, connect: &Connect, output: Output) -> Result<(), Failure> {
        match self {
            Self::Push(command) => command.run(connect.client()?, output),
            Self::Sign(command) => command.run(output),
            Self::List(command) => command.run(&connect.client()?, output),
        }
    }
}
