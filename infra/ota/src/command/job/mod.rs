//! `ota job`.

mod amend;
mod cancel;
mod create;
mod delete;
mod dry_run;
mod events;
mod explain;
mod list;
mod pause;
mod resume;
mod retry;
mod schedule;
mod scope;
mod show;
mod stages;
mod stop;
mod tasks;
mod terms;
pub(super) mod times;
mod wanted;
mod watch;

pub(crate) use explain::explained;
pub(crate) use tasks::TaskTable;

use clap::{Args, Subcommand};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Who gets which firmware, how fast, and when to stop.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Create a job; it runs at once, or from its start time on
    Create(Box<create::Create>),
    /// Say what a job would do: how many devices, in which order, who is refused and why, about how long
    DryRun(Box<dry_run::DryRun>),
    /// List the jobs, newest first
    List(list::List),
    /// Show a job and what it has spent of its loss budget
    Show(JobId),
    /// Follow a job until nothing more will happen to it
    Watch(JobId),
    /// List a job's tasks: each device, how far it is, why it was lost
    Tasks(tasks::Tasks),
    /// Say why a device gets from a job what it gets
    Explain(explain::Explain),
    /// List what happened in a job, oldest first
    Events(JobId),
    /// Keep a job from telling more devices until it is resumed
    Pause(JobId),
    /// Let a job that is held, paused or stopped run again; its gate forgives the losses that held it
    Resume(JobId),
    /// Stop a job: from then on no device begins
    Stop(stop::Stop),
    /// Change the terms of a job while it lives
    Amend(Box<amend::Amend>),
    /// Delete a job that is stopped or done and has nobody at work
    Delete(JobId),
    /// Take devices out of a job
    Cancel(cancel::Cancel),
    /// Give devices that failed, timed out or were canceled another try
    Retry(retry::Retry),
}

/// Names a job.
#[derive(Debug, Args)]
pub(crate) struct JobId {
    /// The job's id
    #[arg(value_name = "JOB")]
    id: String,
}

impl Job {
    pub(crate) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run(client, output),
            Self::DryRun(command) => command.run(client, output),
            Self::List(command) => command.run(client, output),
            Self::Show(JobId { id }) => show::run(&id, client, output),
            Self::Watch(JobId { id }) => watch::run(&id, client, output),
            Self::Tasks(command) => command.run(client, output),
            Self::Explain(command) => command.run(client, output),
            Self::Events(JobId { id }) => events::run(&id, client, output),
            Self::Pause(JobId { id }) => pause::run(&id, client, output),
            Self::Resume(JobId { id }) => resume::run(&id, client, output),
            Self::Stop(command) => command.run(client, output),
            Self::Amend(command) => command.run(client, output),
            Self::Delete(JobId { id }) => delete::run(&id, client, output),
            Self::Cancel(command) => command.run(client, output),
            Self::Retry(command) => command.run(client, output),
        }
    }
}
