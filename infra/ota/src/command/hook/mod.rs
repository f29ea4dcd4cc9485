//! `ota hook`.

mod add;
mod list;

use clap::{Args, Subcommand};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Where your systems are told of what happens to jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    /// Add a hook; prints the secret that its messages are signed with, which is shown only now
    Add(add::Add),
    /// List the hooks, and how well their messages arrive
    List,
    /// Send a signed test message now, and say what the receiver answers
    Test(HookId),
    /// Remove a hook with what it was not told yet
    Remove(HookId),
}

/// Names a hook.
#[derive(Debug, Args)]
pub(crate) struct HookId {
    /// The hook's id
    #[arg(value_name = "ID")]
    id: String,
}

impl Hook {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(command) => command.run(client, output),
            Self::List => list::run(client, output),
            Self::Test(HookId { id }) => {
                let tested = client.test_hook(&id)?;
                output.result(&tested.line(), || format!("the receiver answered {}", tested.value.status))
            }
            Self::Remove(HookId { id }) => {
                let removed = client.remove_hook(&id)?;
                output.result(&removed.line(), || format!("removed  {}", removed.value.hook))
            }
        }
    }
}
