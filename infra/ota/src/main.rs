//! `ota`: runs the gateway on one machine, shows it at work, and is the operator's command line to any gateway.
//! stdout carries results only; whatever is said to a person goes to stderr.

mod api;
mod clock;
mod command;
mod failure;
mod fleet;
mod gateway;
mod present;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use command::{Command, Connect};
use failure::EXIT_CODES;
use present::{Output, say};

/// Over-the-air firmware upgrades with a loss budget.
#[derive(Debug, Parser)]
#[command(name = "ota", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: Connect,
    /// Print the result as JSON, one object on one line
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    let output = Output::new(cli.json);
    match cli.command.run(&cli.connect, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            failure.exit_code()
        }
    }
}

/// Logs to stderr what `OTA_LOG` lets through, warnings unless it says otherwise.
fn start_log() {
    let filter = EnvFilter::try_from_env("OTA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Else a stderr that was closed ends the program: the complaint about it panics.
        .log_internal_errors(false)
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_has_no_contradictions() {
        Cli::command().debug_assert();
    }
}
