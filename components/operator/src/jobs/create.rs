//! A new job: every field checked, then created.

use http::StatusCode;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::once::{CreationKey, NotCreatedOnce};
use ota_platform::{Failure, Gateway, Refusal, Request, Response, response};

use super::show;
use super::wanted::Wanted;
use crate::params;

pub(crate) fn create(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let wanted: Wanted = params::body(request)?;
    // Named before it is created: what is tried again creates no second one.
    let id = gateway.decide(|ledger| Ok(ledger.new_job_id()))?;
    let new = wanted.parse(id)?;
    if params::flag(request, "dry_run")?.unwrap_or(false) {
        return dry_run(gateway, &new);
    }
    let key = key(request)?;
    let created = gateway.decide(|ledger| match &key {
        Some(key) => ledger.create_job_once(&new, key).map_err(not_created_once),
        None => ledger.create_job(&new).map_err(not_created),
    })?;
    Catalogue::forget(&new.product, gateway.kv);
    let status = if created.job == new.id { StatusCode::CREATED } else { StatusCode::OK };
    // What was written is not read back: an answer that fails now would have it created twice.
    let shown = show::whole(&created, &new.named(), gateway.clock.now_ms());
    Ok(response::json(status, &shown))
}

/// What the client calls this creation, so that it may ask again when it heard no answer.
fn key(request: &Request) -> Result<Option<CreationKey>, Refusal> {
    let Some(value) = request.headers().get(KEY) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let key = CreationKey::parse(&text);
    key.map(Some).map_err(|why| Refusal::bad_request(format!("{KEY}: {why}")))
}

const KEY: &str = "idempotency-key";

/// What creating it would do.
fn dry_run(gateway: &Gateway<'_>, new: &NewJob) -> Result<Response, Failure> {
    let run = gateway.decide(|ledger| ledger.dry_run(new).map_err(not_created))?;
    Ok(response::json(StatusCode::OK, &show::dry_run(&run)))
}

fn not_created_once(why: NotCreatedOnce) -> Failure {
    let message = why.to_string();
    match why {
        NotCreatedOnce::NotCreated(why) => not_created(why),
        NotCreatedOnce::Another { .. } | NotCreatedOnce::Deleted { .. } => {
            Refusal::conflict("key_taken", message).with_hint("give each job another idempotency-key").into()
        }
    }
}

/// Why a job is not created, and what to do about it.
pub(super) fn not_created(why: NotCreated) -> Failure {
    let message = why.to_string();
    let refusal = match why {
        NotCreated::Ledger(error) => return error.into(),
        NotCreated::NoProduct(_) => {
            Refusal::not_found(message).with_hint("register it with POST /api/v1/products")
        }
        NotCreated::NoFirmware(_) => Refusal::unprocessable("no_firmware", message)
            .with_hint("upload it with PUT /api/v1/products/{product}/firmware/{version}"),
        NotCreated::Quarantined(_) => Refusal::unprocessable("quarantined", message)
            .with_hint("a stored block is damaged: upload the firmware again under another version"),
        NotCreated::Gap(_) => Refusal::unprocessable("gap", message)
            .with_hint("upload it again under another version, to be passed through in its place"),
        NotCreated::NotVerified(_) => Refusal::conflict("not_verified", message)
            .with_hint("create a job of kind verify over a few devices first"),
        NotCreated::TooMany { .. } => Refusal::unprocessable("too_many_devices", message)
            .with_hint("name some devices, or register the firmware with a higher verify_most"),
        NotCreated::NoDevice(_) => Refusal::unprocessable("no_device", message)
            .with_hint("register it with POST /api/v1/products/{product}/devices"),
        NotCreated::CanaryOutside(_) => Refusal::unprocessable("canary_outside", message)
            .with_hint("a canary must meet devices, from, tags and exclude as every other device"),
        NotCreated::ExposedElsewhere { exposed, .. } => Refusal::conflict("exposed_elsewhere", message)
            .with_hint(format!("look at those jobs, then repeat the call with exposed {exposed}")),
        NotCreated::Empty => Refusal::unprocessable("empty_scope", message)
            .with_hint("GET /api/v1/products/{product}/devices shows the devices and their versions"),
    };
    refusal.into()
}
