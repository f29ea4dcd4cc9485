//! The terms of a job: those that a new job sets, and those that a change sets anew.

use ota_platform::{Failure, Gateway, Refusal, Request, Response};
use ota_rollout::retry::BadRetry;
use ota_rollout::terms::BadTerm;
use ota_rollout::{Budget, Reasons, Retry, Terms};
use serde::Deserialize;

use super::control;
use super::percent::Percent;
use crate::params::{self, quoted};

/// Serves `PATCH /api/v1/jobs/{job}`: what is not named stays.
pub(crate) fn amend(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    let amendment: Amendment = params::body(request)?;
    // Each limit is that of one term: what is right beside the usual ones is right beside any.
    let reasons = amendment.check()?;
    control::change(gateway, |ledger| ledger.amend_job(id, |terms| amendment.over(terms, reasons)))
}

/// Terms that are set; those that are absent stay. Durations are seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amendment {
    pub(super) loss_budget: Option<i64>,
    pub(super) growth: Option<i64>,
    pub(super) max_failure_rate: Option<Percent>,
    pub(super) max_in_flight: Option<i64>,
    pub(super) per_minute: Option<i64>,
    pub(super) retry: Option<WantedRetry>,
    pub(super) first_sign_within: Option<i64>,
    pub(super) upgrade_timeout: Option<i64>,
    pub(super) confirm_within: Option<i64>,
    pub(super) reachable_within: Option<i64>,
}

/// Whether, and when, an attempt that failed is followed by another.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedRetry {
    attempts: Option<i64>,
    backoff: Option<i64>,
    reasons: Option<Vec<String>>,
}

impl Amendment {
    /// The usual terms with these.
    pub(super) fn terms(&self) -> Result<Terms, Refusal> {
        Ok(self.over(Terms::DEFAULT, self.check()?))
    }

    /// Whether each is within its limits; the reasons to retry that are named.
    fn check(&self) -> Result<Option<Reasons>, Refusal> {
        let named = self.retry.as_ref().and_then(|retry| retry.reasons.as_ref());
        let reasons = named
            .map(|words| words.iter().try_fold(Reasons::NONE, |reasons, word| reasons.with(word)))
            .transpose()
            .map_err(|error| refused(&error.into()))?;
        self.over(Terms::DEFAULT, reasons).check().map_err(|error| refused(&error))?;
        Ok(reasons)
    }

    fn over(&self, terms: Terms, reasons: Option<Reasons>) -> Terms {
        let ms = |seconds: Option<i64>, ms: i64| seconds.map_or(ms, |seconds| seconds.saturating_mul(1000));
        let (budget, retry) = (terms.budget, terms.retry);
        let wanted = self.retry.as_ref();
        Terms {
            budget: Budget {
                loss_budget: self.loss_budget.unwrap_or(budget.loss_budget),
                growth: self.growth.unwrap_or(budget.growth),
            },
            max_failure_rate: self.max_failure_rate.map_or(terms.max_failure_rate, Percent::per_mille),
            max_in_flight: self.max_in_flight.unwrap_or(terms.max_in_flight),
            per_minute: self.per_minute.unwrap_or(terms.per_minute),
            retry: Retry {
                attempts: wanted.and_then(|retry| retry.attempts).unwrap_or(retry.attempts),
                backoff: ms(wanted.and_then(|retry| retry.backoff), retry.backoff),
                reasons: reasons.unwrap_or(retry.reasons),
            },
            first_sign_within: ms(self.first_sign_within, terms.first_sign_within),
            upgrade_timeout: ms(self.upgrade_timeout, terms.upgrade_timeout),
            confirm_within: ms(self.confirm_within, terms.confirm_within),
            reachable_within: ms(self.reachable_within, terms.reachable_within),
        }
    }
}

/// A limit that is not kept, in the units in which operators write.
fn refused(error: &BadTerm) -> Refusal {
    Refusal::bad_request(match error {
        BadTerm::OutOfRange { name: "max_failure_rate", value, least, most } => {
            let [value, least, most] = [value, least, most].map(|share| Percent::from_per_mille(*share));
            format!("max_failure_rate is {value}, must be {least} to {most}")
        }
        BadTerm::Retry(BadRetry::Attempts(attempts)) => {
            format!("retry.attempts is {attempts}, must be 1 to {}", Retry::MOST_ATTEMPTS)
        }
        BadTerm::Retry(BadRetry::Backoff(backoff)) => format!(
            "retry.backoff is {}, must be {} to {}",
            backoff / 1000,
            Retry::LEAST_BACKOFF / 1000,
            Retry::MOST_BACKOFF / 1000
        ),
        BadTerm::Retry(BadRetry::Reason(word)) => format!(
            "retry.reasons has {}, must be of {}",
            quoted(word),
            Reasons::ALL.words().collect::<Vec<_>>().join(", ")
        ),
        other @ BadTerm::OutOfRange { .. } => other.to_string(),
    })
}
