//! The commands: one file each, with its arguments, what it does and how its result reads.

mod connect;
mod demo;
mod device;
mod firmware;
mod fleet;
mod hook;
mod job;
mod product;
mod release_key;
mod up;

pub(crate) use connect::Connect;

use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::present::Output;

/// What `ota` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the main job on this machine: gateway, simulated fleet, an upgrade that loses three
    Demo(demo::Demo),
    /// Run the gateway on this machine: HTTP host, MQTT bridge, embedded store
    Up(up::Up),
    /// Simulate thousands of devices against a gateway, with faults
    Fleet(fleet::Fleet),
    /// Kinds of devices
    #[command(subcommand)]
    Product(product::Product),
    /// Devices and their secrets
    #[command(subcommand)]
    Device(device::Device),
    /// Firmware files
    #[command(subcommand)]
    Firmware(firmware::Firmware),
    /// Who gets which firmware, how fast, and when to stop
    #[command(subcommand)]
    Job(job::Job),
    /// Where your systems are told of what happens to jobs
    #[command(subcommand)]
    Hook(hook::Hook),
}

impl Command {
    pub(crate) fn run(self, connect: &Connect, output: Output) -> Result<(), Failure> {
        match self {
            Self::Demo(command) => command.run(output),
            Self::Up(command) => command.run(connect, output),
            Self::Fleet(command) => command.run(connect, output),
            Self::Product(command) => command.run(&connect.client()?, output),
            Self::Device(command) => command.run(&connect.client()?, output),
            Self::Firmware(command) => command.run(connect, output),
            Self::Job(command) => command.run(&connect.client()?, output),
            Self::Hook(command) => command.run(&connect.client()?, output),
        }
    }
}

/// Runs a command that serves until it is done, and leaves nothing of it behind to wait for.
fn serve(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Runtime::new().map_err(|error| {
        let error = anyhow::Error::new(error).context("cannot start threads");
        Failure::local(&error, "is a limit on processes or threads reached?")
    })?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}
