//! `ota job`.

mod create;
mod list;
mod show;
mod stop;
mod tasks;
mod watch;

pub(crate) use tasks::TaskTable;

use clap::{Args, Subcommand};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Who gets which firmware, how fast, and when to stop.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Create a job; it runs at once
    Create(Box<create::Create>),
    /// Show a job and what it has spent of its loss budget
    Show(JobId),
    /// Follow a job until nothing more will happen to it
    Watch(JobId),
    /// Stop a job: from then on no device begins
    Stop(JobId),
    /// List the jobs, newest first
    List(list::List),
    /// List a job's tasks: each device, how far it is, why it was lost
    Tasks(JobId),
}

/// Names a job.
#[derive(Debug, Args)]
pub(crate) struct JobId {
    /// The job's id
    #[arg(value_name = "ID")]
    id: String,
}

impl Job {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run(client, output),
            Self::Show(JobId { id }) => show::run(&id, client, output),
            Self::Watch(JobId { id }) => watch::run(&id, client, output),
            Self::Stop(JobId { id }) => stop::run(&id, client, output),
            Self::List(command) => command.run(client, output),
            Self::Tasks(JobId { id }) => tasks::run(&id, client, output),
        }
    }
}
