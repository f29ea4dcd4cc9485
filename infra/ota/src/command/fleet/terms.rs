//! The terms of the fleet's job: the gateway's own, but for time-outs that are short enough to watch.

use std::time::Duration;

use clap::Args;

use crate::api::{self, Mode, NewJob, NewRetry, Percent};
use crate::command::job::times::seconds;

/// Seconds for the installation and everything else that is no download.
const UPGRADE_TIMEOUT: u64 = 30;

/// What the job is told; what is left out is the gateway's default.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Terms of the job")]
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10))]
    retry: Option<u32>,
    /// How long a device rests before its second try, twice as long before each further one
    #[arg(long, value_name = "SPAN", value_parser = seconds, default_value = "5s", requires = "retry")]
    backoff: u32,
    /// What is tried again, such as `download_failed,rollback,timed_out`
    /// [default of the gateway: `download_failed,verification_failed,ignored,timed_out`]
    #[arg(long, value_name = "REASON,…", value_delimiter = ',', requires = "retry")]
    retry_on: Vec<String>,
    /// How long a device may take to show that it was told
    #[arg(long, value_name = "SPAN", value_parser = seconds, default_value = "20s")]
    first_sign_within: u32,
    /// How long a device may take from then on [default: 30s, and twice what a download over --link takes]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    upgrade_timeout: Option<u32>,
    /// How long the old version after a download may still turn into the new one
    #[arg(long, value_name = "SPAN", value_parser = seconds, default_value = "2s")]
    confirm_within: u32,
}

impl Terms {
    /// The job that moves devices of `product` to `version`, a firmware of `size` bytes that each fetches at `link`
    /// bytes per second.
    pub(super) fn job(&self, product: &str, version: &str, size: usize, link: Option<u64>) -> NewJob {
        NewJob {
            product: product.to_owned(),
            to: version.to_owned(),
            mode: Some(Mode::Push),
            terms: api::Terms {
                loss_budget: self.loss_budget,
                growth: self.growth,
                max_failure_rate: self.max_failure_rate,
                max_in_flight: self.max_in_flight,
                per_minute: self.per_minute,
                retry: self.retry(),
                first_sign_within: Some(self.first_sign_within),
                upgrade_timeout: Some(self.upgrade_timeout(size, link)),
                confirm_within: Some(self.confirm_within),
                ..api::Terms::default()
            },
            ..NewJob::default()
        }
    }

    /// How long a slow device downloads: half of the time it has.
    pub(super) fn slow(&self, size: usize, link: Option<u64>) -> Duration {
        Duration::from_secs(u64::from(self.upgrade_timeout(size, link))) / 2
    }

    /// How long nothing may happen in a job that goes on: longer than any of its own time-outs.
    pub(super) fn patience(&self, size: usize, link: Option<u64>) -> Duration {
        let longest = self.upgrade_timeout(size, link).max(self.first_sign_within).max(self.confirm_within);
        let rest = self.retry.map_or(0, |tries| u64::from(self.backoff) << tries.saturating_sub(1).min(16));
        // The next one that a rate lets go may be a minute away.
        let rate = if self.per_minute.is_some() { 60 } else { 0 };
        Duration::from_secs(u64::from(longest) + rest + rate + 30)
    }

    fn retry(&self) -> Option<NewRetry> {
        self.retry.map(|attempts| NewRetry {
            attempts: Some(attempts),
            backoff: Some(self.backoff),
            reasons: self.retry_on.clone(),
        })
    }

    fn upgrade_timeout(&self, size: usize, link: Option<u64>) -> u32 {
        self.upgrade_timeout.unwrap_or_else(|| {
            let download = link.map_or(0, |rate| (size as u64).div_ceil(rate.max(1)));
            u32::try_from(UPGRADE_TIMEOUT.saturating_add(download.saturating_mul(2))).unwrap_or(u32::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Terms = Terms {
        loss_budget: None,
        growth: None,
        max_failure_rate: None,
        max_in_flight: None,
        per_minute: None,
        retry: None,
        backoff: 5,
        retry_on: Vec::new(),
        first_sign_within: 20,
        upgrade_timeout: None,
        confirm_within: 2,
    };

    #[test]
    fn what_nobody_asked_for_is_left_to_the_gateway() {
        let job = serde_json::to_value(PLAIN.job("p", "2.0", 100, None)).unwrap();
        let expected = json!({
            "product": "p", "to": "2.0", "mode": "push",
            "first_sign_within": 20, "upgrade_timeout": 30, "confirm_within": 2,
        });
        assert_eq!(job, expected);
    }

    #[test]
    fn what_was_asked_for_goes_to_the_gateway() {
        let rate = Percent::parse("12.5").ok();
        let asked = Terms { max_failure_rate: rate, per_minute: Some(60), retry: Some(3), ..PLAIN };
        let job = serde_json::to_value(asked.job("p", "2.0", 100, None)).unwrap();
        assert_eq!(job["max_failure_rate"], 12.5);
        assert_eq!(
            (&job["per_minute"], &job["retry"]),
            (&60.into(), &json!({ "attempts": 3, "backoff": 5 }))
        );
        assert_eq!(asked.patience(100, None), Duration::from_secs(30 + 20 + 60 + 30));
    }

    #[test]
    fn a_thin_line_is_given_its_time_unless_somebody_says_otherwise() {
        assert_eq!(PLAIN.job("p", "2.0", 1000, Some(100)).terms.upgrade_timeout, Some(50));
        assert_eq!(PLAIN.slow(1000, Some(100)), Duration::from_secs(25));
        let told = Terms { upgrade_timeout: Some(7), ..PLAIN };
        assert_eq!(told.job("p", "2.0", 1000, Some(100)).terms.upgrade_timeout, Some(7));
        assert_eq!(PLAIN.job("p", "2.0", usize::MAX, Some(1)).terms.upgrade_timeout, Some(u32::MAX));
    }
}
