//! Uploads: a firmware in one request, in several, or brought into the bucket by a presigned URL.

use std::time::Duration;

use futures::Stream;
use http::{Method, StatusCode};
use ota_image::layout::MOST_PARTS;
use ota_image::{ObjectId, Objects, Stored, Verification, verify};
use ota_ledger::record::{UploadRecord, Way};
use ota_ledger::upload::{Sought, Taken};
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, ids, request, response};
use serde_json::json;

use super::declared::{Declared, Said};
use super::intake::{Intake, known, no_upload, standing, sums, terms};
use super::release;
use crate::params::{self, quoted};

/// How long the bytes may be brought by a presigned URL that was just told.
const PRESIGNED_FOR: Duration = Duration::from_hours(1);
/// The most bytes that S3 takes in one PUT: 5 GiB.
const MOST_PRESIGNED: u64 = 5 * 1024 * 1024 * 1024;
/// How long one call verifies what was brought (ms): hosts allow 30 s a request.
const SLICE: i64 = 8_000;
/// How many bytes a client should send in one request: what a host that caps bodies at 10 MiB takes, in whole parts.
const SLICE_LEN: u64 = 8 * 1024 * 1024;

/// `PUT /api/v1/products/{product}/firmware/{version}`: all of it in one request.
pub(super) async fn whole(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &str,
    version: &str,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Result<Response, Failure> {
    let declared = Declared::of(request, product, version)?;
    let terms = terms(gateway, &declared)?;
    let objects = gateway.objects()?;
    let parts = (objects.part_len(None) as u64).saturating_mul(MOST_PARTS);
    let limit = declared.limit(&terms, objects.limit())?;
    let limit = if declared.size.is_none() { limit.min(parts) } else { limit };
    release::require_one(gateway, &terms, &declared)?;
    standing(gateway, &declared)?;
    let record = begin_new(gateway, &*objects, &declared, Way::Request)?;
    let mut intake = Intake { gateway, objects: &*objects, record, limit };
    let registered = async {
        intake.take(body).await?;
        let stored = intake.finish(&declared)?;
        intake.register(&declared, &stored)
    }
    .await;
    // Nobody goes on with it. One that was registered, whoever heard of it, is not under way any more and stays.
    if registered.is_err() {
        intake.give_up();
    }
    registered
}

/// `POST /api/v1/products/{product}/firmware/{version}/uploads`: begins one, or finds the same one under way.
pub(crate) fn begin(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &str,
    version: &str,
) -> Result<Response, Failure> {
    let declared = Declared::of(request, product, version)?;
    let (Some(size), Some(sha256)) = (declared.size, declared.sha256.clone()) else {
        return Err(
            Refusal::bad_request("size and sha256 must be given: they tell the upload from others").into()
        );
    };
    let way = way(request)?;
    let terms = terms(gateway, &declared)?;
    let objects = gateway.objects()?;
    declared.limit(&terms, objects.limit())?;
    if size == 0 {
        return Err(Refusal::bad_request("firmware is empty").into());
    }
    release::check(gateway, &terms, &declared, size, &sha256)?;
    // The same bytes make a damaged one whole.
    if let Some(firmware) = standing(gateway, &declared)?
        && firmware.quarantined_at.is_none()
    {
        return known(gateway, StatusCode::OK, &firmware);
    }
    let text = declared.said.to_text();
    let sought = Sought {
        product: &declared.product,
        version: &declared.version,
        way,
        size,
        sha256: &sha256,
        declared: &text,
    };
    if let Some(record) = gateway.decide(|ledger| Ok(ledger.upload_again(&sought)?))? {
        return shown(gateway, StatusCode::OK, &record);
    }
    if way == Way::Presigned {
        may_be_presigned(&*objects, size)?;
    }
    let record = begin_new(gateway, &*objects, &declared, way)?;
    shown(gateway, StatusCode::CREATED, &record)
}

/// `GET /api/v1/uploads/{upload}`.
pub(crate) fn show(gateway: &Gateway<'_>, upload: &str) -> Result<Response, Failure> {
    let upload = object(upload)?;
    let record = gateway.decide(|ledger| Ok(ledger.upload(&upload)?))?.ok_or_else(no_upload)?;
    shown(gateway, StatusCode::OK, &record)
}

/// `PUT /api/v1/uploads/{upload}?position=N`: the bytes from there on, as many as the caller likes.
pub(super) async fn append(
    gateway: &Gateway<'_>,
    request: &Request,
    upload: &str,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Result<Response, Failure> {
    let position = params::number(request, "position", "a number of bytes")?
        .ok_or_else(|| Refusal::bad_request("position is missing: it says where the bytes belong"))?;
    let position = u64::try_from(position)
        .map_err(|_| Refusal::bad_request(format!("position is {position}, must be a number of bytes")))?;
    let record = take_over(gateway, upload, Way::Gateway, Some(position))?;
    let objects = gateway.objects_of(record.store)?;
    // What was declared was found to be within the limits; more is not the firmware.
    let limit = record.size.unwrap_or_default();
    let mut intake = Intake { gateway, objects: &*objects, record, limit };
    intake.take(body).await?;
    shown(gateway, StatusCode::OK, &intake.record)
}

/// `POST /api/v1/uploads/{upload}/finalize`: the firmware, or how far its bytes are verified: then to be called again.
pub(crate) fn finalize(gateway: &Gateway<'_>, upload: &str) -> Result<Response, Failure> {
    let upload = object(upload)?;
    let found = gateway.decide(|ledger| Ok(ledger.upload(&upload)?))?;
    // What came in one request is finalized by it.
    let found = found.filter(|found| found.way != Way::Request).ok_or_else(no_upload)?;
    let record = take_over(gateway, upload.as_str(), found.way, None)?;
    let declared = declared(&record)?;
    let objects = gateway.objects_of(record.store)?;
    let limit = record.size.unwrap_or_default();
    let mut intake = Intake { gateway, objects: &*objects, record, limit };
    let stored = match intake.record.way {
        Way::Gateway if intake.record.position < limit => {
            let message = format!("{} of {limit} bytes came", intake.record.position);
            return Err(Refusal::conflict("incomplete", message).with_hint("send the rest first").into());
        }
        Way::Gateway | Way::Request => intake.finish(&declared).map(Some),
        Way::Presigned => verified(&mut intake, &declared),
    };
    let registered = match stored {
        Ok(None) => return shown(gateway, StatusCode::ACCEPTED, &intake.record),
        Ok(Some(stored)) => intake.register(&declared, &stored),
        Err(failure) => Err(failure),
    };
    // Bytes that are not the firmware never will be; what failed for now may be gone on with.
    let is_for_good =
        matches!(&registered, Err(Failure::Refused(refusal)) if !PASSING.contains(&refusal.code()));
    if is_for_good {
        intake.give_up();
    }
    registered
}

/// Refusals after which an upload may still be gone on with.
const PASSING: [&str; 4] = ["upload_taken", "not_uploaded", "bad_signature", "signature_required"];

/// `DELETE /api/v1/uploads/{upload}`.
pub(crate) fn abandon(gateway: &Gateway<'_>, upload: &str) -> Result<Response, Failure> {
    let upload = object(upload)?;
    let record = gateway.decide(|ledger| Ok(ledger.upload(&upload)?))?.ok_or_else(no_upload)?;
    let objects = gateway.objects_of(record.store)?;
    if !gateway.decide(|ledger| Ok(ledger.doom_upload(&upload)?))? {
        return Err(no_upload().into());
    }
    Intake { gateway, objects: &*objects, record, limit: 0 }.remove();
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Reads what was brought by a presigned URL, for as long as one call may; `None` when there is more to read.
fn verified(intake: &mut Intake<'_>, declared: &Declared) -> Result<Option<Stored>, Failure> {
    let object = intake.record.writing.object.clone();
    let size = intake.record.size.unwrap_or_default();
    if intake.record.position == 0 && !adopted(intake)? {
        return Err(not_uploaded().into());
    }
    intake.gateway.release();
    let watch = Watch::start(intake.gateway.clock);
    let sums = sums(&intake.record)?;
    let sums = match verify(intake.objects, &object, size, sums, || watch.is_before(SLICE))? {
        Verification::Whole(sums) => sums,
        Verification::Part(sums) => {
            intake.note(&sums)?;
            return Ok(None);
        }
        Verification::Missing => {
            let message = "the bytes that were brought are gone from the bucket";
            return Err(Refusal::unprocessable("digest_mismatch", message).into());
        }
        Verification::OtherLength { declared, found } => {
            let message = format!("size was declared as {declared}, the bytes that came have {found}");
            return Err(Refusal::unprocessable("digest_mismatch", message).into());
        }
    };
    intake.note(&sums)?;
    let stored = sums.finish(intake.objects, object)?;
    declared.check(&stored)?;
    Ok(Some(stored))
}

/// Puts in its place what was brought first; what comes later by the same URL is nobody's.
fn adopted(intake: &mut Intake<'_>) -> Result<bool, Failure> {
    let record = &mut intake.record;
    if record.writing.token.is_empty() {
        let Some(tag) = intake.objects.brought(&record.writing.object)? else { return Ok(false) };
        if !intake.gateway.decide(|ledger| Ok(ledger.name_upload(record, &tag)?))? {
            return Err(Refusal::conflict("upload_taken", "another request finalizes this upload now").into());
        }
        record.writing.token = tag;
    }
    Ok(intake.objects.adopt(&record.writing)?)
}

fn not_uploaded() -> Refusal {
    Refusal::conflict("not_uploaded", "nothing was brought to the put_url yet")
        .with_hint("PUT the file there first")
}

/// Notes a new upload, before its first byte.
fn begin_new(
    gateway: &Gateway<'_>,
    objects: &dyn Objects,
    declared: &Declared,
    way: Way,
) -> Result<UploadRecord, Failure> {
    let object = ids::object_id(gateway.random);
    let writing = match way {
        Way::Presigned => ota_image::objects::Writing { object, token: String::new() },
        Way::Request | Way::Gateway => objects.begin(&object)?,
    };
    let (product, version) = (declared.product.clone(), declared.version.clone());
    let record = UploadRecord {
        part: objects.part_len(declared.size) as u64,
        size: declared.size,
        sha256: declared.sha256.clone(),
        declared: declared.said.to_text(),
        writer: ids::new_id(gateway.random),
        ..UploadRecord::new(product, version, objects.store(), writing, way)
    };
    gateway.decide(|ledger| Ok(ledger.begin_upload(&record)?))?;
    Ok(record)
}

/// From now on this request writes the upload, and no other.
fn take_over(
    gateway: &Gateway<'_>,
    upload: &str,
    way: Way,
    position: Option<u64>,
) -> Result<UploadRecord, Failure> {
    let upload = object(upload)?;
    let writer = ids::new_id(gateway.random);
    let taken = gateway.decide(|ledger| Ok(ledger.take_upload(&upload, way, &writer, position)?))?;
    Err(match taken {
        Taken::Yes(record) => return Ok(*record),
        Taken::Gone => no_upload(),
        Taken::OtherWay(way) => {
            let message = format!("the bytes of this upload come by {}", way.as_str());
            Refusal::conflict("other_way", message)
        }
        Taken::Elsewhere(next) => {
            let position = position.unwrap_or_default();
            let message = format!("position is {position}, the next byte of this upload is {next}");
            Refusal::conflict("wrong_position", message).with_hint("send the bytes from there on")
        }
        Taken::Busy => {
            Refusal::conflict("upload_taken", "a part of this upload is on its way into the store")
                .with_hint("try again: at the latest in a minute and a half, it has arrived or never will")
        }
    }
    .into())
}

/// What was said when the upload began.
fn declared(record: &UploadRecord) -> Result<Declared, Failure> {
    let said = Said::from_text(&record.declared);
    let broken = || Failure::Broken(format!("upload {} says what nobody reads", record.writing.object));
    Ok(Declared {
        product: record.product.clone(),
        version: record.version.clone(),
        size: record.size,
        sha256: record.sha256.clone(),
        said: said.ok_or_else(broken)?,
    })
}

fn way(request: &Request) -> Result<Way, Refusal> {
    match request::parameter(request, "via").as_deref() {
        None | Some("gateway") => Ok(Way::Gateway),
        Some("presigned") => Ok(Way::Presigned),
        Some(text) => {
            Err(Refusal::bad_request(format!("via is {}, must be gateway or presigned", quoted(text))))
        }
    }
}

fn may_be_presigned(objects: &dyn Objects, size: u64) -> Result<(), Refusal> {
    let nothing = ObjectId::from_random([0; 16]);
    if objects.presigned(&nothing, &Method::PUT, PRESIGNED_FOR).is_none() {
        return Err(Refusal::conflict("not_presigned", "the object store has no presigned URLs")
            .with_hint("send the bytes to the gateway: via=gateway"));
    }
    if size > MOST_PRESIGNED {
        let message = format!("size is {size}, one PUT to a presigned URL takes {MOST_PRESIGNED}");
        return Err(Refusal::bad_request(message).with_hint("send the bytes to the gateway: via=gateway"));
    }
    Ok(())
}

fn object(upload: &str) -> Result<ObjectId, Refusal> {
    ObjectId::parse(upload).map_err(|_| no_upload())
}

fn shown(gateway: &Gateway<'_>, status: StatusCode, record: &UploadRecord) -> Result<Response, Failure> {
    let object = &record.writing.object;
    // What was brought is named by its tag: then nothing else is wanted.
    let is_awaited = record.way == Way::Presigned && record.writing.token.is_empty();
    let put_url = if is_awaited {
        gateway.objects_of(record.store)?.presigned(object, &Method::PUT, PRESIGNED_FOR)
    } else {
        None
    };
    let shown = json!({
        "upload": object.as_str(),
        "product": record.product.as_str(),
        "version": record.version.as_str(),
        "via": record.way.as_str(),
        "size": record.size,
        "position": record.position,
        "slice": SLICE_LEN.max(record.part),
        "put_url": put_url,
    });
    Ok(response::json(status, &shown))
}
