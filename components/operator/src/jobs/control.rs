//! What operators do to a job: stop, pause, resume, amend, delete.

use http::StatusCode;
use ota_ledger::Ledger;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::control::NotChanged;
use ota_ledger::record::JobRecord;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, response};
use serde::Deserialize;

pub(crate) use super::terms::amend;
use super::{show, unknown};
use crate::params;

/// What a stop may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    /// Whether running downloads are cut as well.
    #[serde(default)]
    hard: bool,
}

pub(crate) fn stop(gateway: &Gateway<'_>, request: &Request, id: &str) -> Result<Response, Failure> {
    let Stop { hard } = params::optional_body(request)?;
    change(gateway, |ledger| ledger.stop_job(id, hard))
}

pub(crate) fn pause(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    change(gateway, |ledger| ledger.pause_job(id))
}

pub(crate) fn resume(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    change(gateway, |ledger| ledger.resume_job(id))
}

pub(crate) fn delete(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    let record = gateway.decide(|ledger| {
        let record = ledger.job(id)?.ok_or_else(|| unknown(id))?;
        match ledger.delete_job(id) {
            // Deleted by this very request, whose first answer was not heard, or by another at the same moment.
            Ok(()) | Err(NotChanged::NoJob(_)) => Ok(record),
            Err(why) => Err(not_changed(why)),
        }
    })?;
    Catalogue::forget(&record.product, gateway.kv);
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Answers with the job as `act` leaves it. What devices may ask for may have changed with it.
pub(super) fn change(
    gateway: &Gateway<'_>,
    act: impl Fn(&Ledger<'_>) -> Result<JobRecord, NotChanged>,
) -> Result<Response, Failure> {
    let (record, named) = gateway.decide(|ledger| {
        let record = act(ledger).map_err(not_changed)?;
        let named = ledger.named(&record.job)?;
        Ok((record, named))
    })?;
    Catalogue::forget(&record.product, gateway.kv);
    Ok(response::json(StatusCode::OK, &show::whole(&record, &named, gateway.clock.now_ms())))
}

/// Why a job, or a task, stays as it is, and what to do about it.
pub(super) fn not_changed(why: NotChanged) -> Failure {
    let message = why.to_string();
    let refusal = match why {
        NotChanged::Ledger(error) => return error.into(),
        NotChanged::NoJob(id) => unknown(&id),
        NotChanged::NoTask(_) => {
            Refusal::not_found(message).with_hint("GET /api/v1/jobs/{job}/explain/{device} says why")
        }
        NotChanged::State { .. } => Refusal::conflict("job_state", message)
            .with_hint("GET /api/v1/jobs/{job} shows its state, and why it holds"),
        NotChanged::WouldHold(_) => Refusal::conflict("would_hold", message)
            .with_hint("raise loss_budget or max_failure_rate with PATCH /api/v1/jobs/{job}, or let it be"),
        NotChanged::Quarantined => Refusal::conflict("quarantined", message)
            .with_hint("a stored block is damaged: upload the firmware again under another version"),
        NotChanged::AtWork(_) => {
            Refusal::conflict("at_work", message).with_hint("wait for their verdicts, or cancel their tasks")
        }
        NotChanged::TaskState { .. } => Refusal::conflict("task_state", message),
    };
    refusal.into()
}
