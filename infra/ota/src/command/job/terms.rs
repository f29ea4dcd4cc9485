//! The terms of a job on the command line.

use clap::Args;

use super::times::seconds;
use crate::api::{self, NewRetry, Percent};

const RETRY_ON: &str = "\
What is tried again: upgrade_failed, download_failed, verification_failed, burning_failed, ignored, device_code, \
rollback, wrong_version, timed_out [default of the gateway: download_failed,verification_failed,ignored,timed_out]";

/// What the job may spend, and how long everything may take; what is left out is left to the gateway, or as it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Terms (may be amended later)")]
pub(super) struct Terms {
    /// The most devices that may be lost [default of the gateway: 10]
    #[arg(long, value_name = "N")]
    loss_budget: Option<u32>,
    /// How much that may grow, per thousand devices that came back [default of the gateway: 100]
    #[arg(long, value_name = "N")]
    growth: Option<u32>,
    /// The rate of loss, in per cent of the devices that finished, above which the job holds itself; 100 never holds
    /// [default of the gateway: 5]
    #[arg(long, value_name = "PERCENT", value_parser = Percent::parse)]
    max_failure_rate: Option<Percent>,
    /// The most devices at work at once [default of the gateway: 300]
    #[arg(long, value_name = "N")]
    max_in_flight: Option<u32>,
    /// The most devices that are told in a minute; 0 is no limit [default of the gateway: 0]
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// How often a device is tried in all, 1 to 10 [default of the gateway: 1]
    #[arg(long, value_name = "N")]
    retry: Option<u32>,
    /// How long a device rests before its second try, twice as long before each further one
    /// [default of the gateway: 1m]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    backoff: Option<u32>,
    #[arg(long, help = RETRY_ON, value_name = "REASON,…", value_delimiter = ',')]
    retry_on: Vec<String>,
    /// How long a device may take to show that it was told [default of the gateway: 5m]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    first_sign_within: Option<u32>,
    /// How long a device may take from then on [default of the gateway: 2h]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    upgrade_timeout: Option<u32>,
    /// How long the old version after a download may still turn into the new one [default of the gateway: 1m]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    confirm_within: Option<u32>,
    /// How long a device that is not connected counts as reachable after it was heard
    /// [default of the gateway: 10m]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    reachable_within: Option<u32>,
}

impl From<Terms> for api::Terms {
    fn from(asked: Terms) -> Self {
        let retry = NewRetry { attempts: asked.retry, backoff: asked.backoff, reasons: asked.retry_on };
        Self {
            loss_budget: asked.loss_budget,
            growth: asked.growth,
            max_failure_rate: asked.max_failure_rate,
            max_in_flight: asked.max_in_flight,
            per_minute: asked.per_minute,
            retry: Some(retry).filter(|retry| *retry != NewRetry::default()),
            first_sign_within: asked.first_sign_within,
            upgrade_timeout: asked.upgrade_timeout,
            confirm_within: asked.confirm_within,
            reachable_within: asked.reachable_within,
        }
    }
}
