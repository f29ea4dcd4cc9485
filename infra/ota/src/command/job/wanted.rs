//! A job as it is asked for: what `ota job create` creates and `ota job dry-run` tries out.

use clap::Args;
use ota_protocol::key::ProductKey;

use super::schedule::Schedule;
use super::scope::Scope;
use super::stages::Stages;
use super::terms::Terms;
use crate::api::{Kind, Mode, NewJob, Policy};
use crate::failure::Failure;

/// Everything that a job may be told.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Product key
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// The version to move devices to; its firmware must be there
    #[arg(long, value_name = "V")]
    to: String,
    /// Whether the gateway tells the devices or they ask
    #[arg(long, value_enum, default_value = "push")]
    mode: Mode,
    /// Try the firmware on a few devices, as one that needs verification asks for
    #[arg(long)]
    verify: bool,
    /// Take in devices that come later, too: such a job never ends by itself
    #[arg(long)]
    incremental: bool,
    /// Bring devices with a newer version to this one, too
    #[arg(long)]
    downgrade: bool,
    /// How many devices this firmware has exposed in other jobs, when the gateway asks for that number
    #[arg(long, value_name = "N")]
    exposed: Option<u64>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    stages: Stages,
    #[command(flatten)]
    schedule: Schedule,
    #[command(flatten)]
    terms: Terms,
}

impl Wanted {
    /// The job, with the files of its scope read.
    pub(super) fn job(self) -> Result<NewJob, Failure> {
        let scope = self.scope.read()?;
        Ok(NewJob {
            product: self.product.to_string(),
            to: self.to,
            kind: self.verify.then_some(Kind::Verify),
            mode: Some(self.mode),
            policy: self.incremental.then_some(Policy::Incremental),
            downgrade: self.downgrade,
            from: scope.from,
            devices: scope.devices,
            tags: scope.tags,
            exclude: scope.exclude,
            canary: self.stages.canary.iter().map(ToString::to_string).collect(),
            canary_soak: self.stages.canary_soak,
            stages: self.stages.list(),
            terms: self.terms.into(),
            starts_at: self.schedule.starts_at,
            zone: self.schedule.zone,
            windows: self.schedule.window,
            exposed: self.exposed,
        })
    }
}
