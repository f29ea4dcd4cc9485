//! What an operator may set on a job, with its limits.

use crate::retry::BadRetry;
use crate::{Budget, Retry};

/// What an operator may set on a job. Durations are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The loss budget and its growth.
    pub budget: Budget,
    /// The rate of loss above which the job holds (per mille, 1..=1000; 1000 never holds).
    pub max_failure_rate: i64,
    /// Devices at work at once, 1..=1 000 000.
    pub max_in_flight: i64,
    /// The pace: grants a minute, 1..=60 000; 0 is no limit.
    pub per_minute: i64,
    /// Whether, and when, an attempt that failed is followed by another.
    pub retry: Retry,
    /// How long a command may go without a sign before the grant lapses.
    pub first_sign_within: i64,
    /// How long a device may take from its first sign.
    pub upgrade_timeout: i64,
    /// How long the old version after a complete download waits for a better word.
    pub confirm_within: i64,
    /// How long a device that is not connected counts as reachable after it was heard.
    pub reachable_within: i64,
}

impl Terms {
    /// A job that says nothing (DESIGN §5).
    pub const DEFAULT: Self = Self {
        budget: Budget::DEFAULT,
        max_failure_rate: 50,
        max_in_flight: 300,
        per_minute: 0,
        retry: Retry::DEFAULT,
        first_sign_within: 300_000,
        upgrade_timeout: 7_200_000,
        confirm_within: 60_000,
        reachable_within: 600_000,
    };

    /// These terms, if each is within its limits.
    pub fn check(self) -> Result<Self, BadTerm> {
        let duration = |name, ms: i64| within(name, ms / 1000, 1, 172_800);
        within("loss_budget", self.budget.loss_budget, 1, 1_000_000)?;
        within("growth", self.budget.growth, 0, 1000)?;
        within("max_failure_rate", self.max_failure_rate, 1, 1000)?;
        within("max_in_flight", self.max_in_flight, 1, 1_000_000)?;
        within("per_minute", self.per_minute, 0, 60_000)?;
        self.retry.check()?;
        duration("first_sign_within", self.first_sign_within)?;
        duration("upgrade_timeout", self.upgrade_timeout)?;
        duration("confirm_within", self.confirm_within)?;
        duration("reachable_within", self.reachable_within)?;
        Ok(self)
    }
}

/// A term that no job may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTerm {
    /// A number beyond its limits.
    #[error("{name} is {value}, must be {least} to {most}")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// What it is.
        value: i64,
        /// The least it may be.
        least: i64,
        /// The most it may be.
        most: i64,
    },
    /// The retry policy.
    #[error("retry: {0}")]
    Retry(#[from] BadRetry),
}

fn within(name: &'static str, value: i64, least: i64, most: i64) -> Result<(), BadTerm> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(BadTerm::OutOfRange { name, value, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_out_of_range_name_the_value_and_the_limit() {
        assert!(Terms::DEFAULT.check().is_ok());
        let text = |terms: Terms| terms.check().map_or_else(|e| e.to_string(), |_| String::new());
        let budget = Budget { loss_budget: 0, growth: 100 };
        assert_eq!(text(Terms { budget, ..Terms::DEFAULT }), "loss_budget is 0, must be 1 to 1000000");
        assert_eq!(
            text(Terms { upgrade_timeout: 172_801_000, ..Terms::DEFAULT }),
            "upgrade_timeout is 172801, must be 1 to 172800"
        );
        let retry = Retry { attempts: 11, ..Retry::DEFAULT };
        assert_eq!(text(Terms { retry, ..Terms::DEFAULT }), "retry: attempts is 11, must be 1 to 10");
    }
}
