//! Jobs and their tasks: how they look, and who serves which of their routes.

pub(crate) mod control;
pub(crate) mod create;
mod percent;
mod show;
pub(crate) mod tasks;
mod terms;
mod wanted;

use http::StatusCode;
use ota_ledger::record::JobRecord;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, request, response};
use serde_json::{Value, json};

use crate::params;
use crate::route::product_key;
pub(crate) use show::task;

/// Newest first; of one product with `?product=`, those created before a moment with `?before=`.
pub(crate) fn list(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let product = request::parameter(request, "product").map(|text| product_key(&text)).transpose()?;
    let before = params::number(request, "before", "a time in ms since 1970")?;
    let limit = params::limit(request)?;
    // One more tells whether there is another page.
    let mut jobs = gateway.decide(|ledger| Ok(ledger.jobs(product.as_ref(), before, limit + 1)?))?;
    let next = page_end(&mut jobs, limit);
    let now = gateway.clock.now_ms();
    let shown: Vec<Value> = jobs.iter().map(|record| show::job(record, now)).collect();
    Ok(response::json(StatusCode::OK, &json!({ "jobs": shown, "next": next })))
}

/// Cuts `jobs` to a page of `limit`; where the next begins, if there is one. Pages end between two moments, so that jobs
/// created in the same are on one page.
fn page_end(jobs: &mut Vec<JobRecord>, limit: i64) -> Option<i64> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let further = jobs.get(limit)?.created_at;
    let whole = jobs.iter().filter(|job| job.created_at > further).count();
    jobs.truncate(if whole > 0 { whole } else { limit });
    jobs.last().map(|job| job.created_at)
}

pub(crate) fn show(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    let (record, named) = gateway.decide(|ledger| {
        let record = ledger.job(id)?.ok_or_else(|| unknown(id))?;
        Ok((record, ledger.named(id)?))
    })?;
    Ok(response::json(StatusCode::OK, &show::whole(&record, &named, gateway.clock.now_ms())))
}

pub(crate) fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("there is no job {id}")).with_hint("GET /api/v1/jobs lists them")
}
