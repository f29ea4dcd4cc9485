//! Bytes on their way into the object store, and what becomes of them at the end.

use futures::{Stream, StreamExt as _};
use http::StatusCode;
use ota_image::{Objects, Stored, Sums, Upload, UploadError};
use ota_ledger::firmware::{NewFirmware, Pushed};
use ota_ledger::record::{FirmwareRecord, UploadRecord, Way};
use ota_ledger::registry::ProductTerms;
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway, Refusal, Response, response};

use super::declared::{Declared, may_have, too_large};
use super::{release, shown};
use crate::devices::unknown_product;

/// An upload that this request writes.
pub(super) struct Intake<'i> {
    pub(super) gateway: &'i Gateway<'i>,
    pub(super) objects: &'i dyn Objects,
    pub(super) record: UploadRecord,
    /// The most bytes that the firmware may have.
    pub(super) limit: u64,
}

impl<'i> Intake<'i> {
    /// Stores the bytes that come, and notes each part. What was noted stays, whatever breaks off.
    pub(super) async fn take(
        &mut self,
        body: impl Stream<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), Failure> {
        let mut upload = self.upload()?;
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| Refusal::bad_request(format!("the body broke off: {error}")))?;
            let mut left = chunk.as_slice();
            loop {
                if upload.will_store(left.len()) {
                    self.hold()?;
                }
                let Some(rest) = upload.push(left).map_err(|error| self.refused(error))? else { break };
                left = rest;
                self.note(upload.sums())?;
            }
        }
        // One that comes in one request ends with it, whatever was declared.
        if self.record.way == Way::Request || self.record.size == Some(upload.came()) {
            self.hold()?;
            upload.close().map_err(|error| self.refused(error))?;
            self.note(upload.sums())?;
        }
        Ok(())
    }

    /// Makes one object of what was stored; `declared` must be what came.
    pub(super) fn finish(&self, declared: &Declared) -> Result<Stored, Failure> {
        self.gateway.release();
        let stored = self.upload()?.finish().map_err(|error| self.refused(error))?;
        declared.check(&stored)?;
        Ok(stored)
    }

    /// Goes on where the ledger says that the upload is.
    fn upload(&self) -> Result<Upload<'i>, Failure> {
        let part = usize::try_from(self.record.part).unwrap_or(usize::MAX);
        let sums = sums(&self.record)?;
        Ok(Upload::new(self.objects, self.record.writing.clone(), sums, part, self.limit))
    }

    /// Nobody else writes until this part is stored, or can no longer be.
    fn hold(&self) -> Result<(), Failure> {
        let within = i64::try_from(self.objects.patience().as_millis()).unwrap_or(i64::MAX);
        let is_ours = self.gateway.decide(|ledger| Ok(ledger.hold_upload(&self.record, within)?))?;
        self.gateway.release();
        if is_ours { Ok(()) } else { Err(not_ours().into()) }
    }

    pub(super) fn note(&mut self, sums: &Sums) -> Result<(), Failure> {
        let state = sums.write();
        let is_ours =
            self.gateway.decide(|ledger| Ok(ledger.note_upload(&self.record, sums.size(), &state)?))?;
        if !is_ours {
            return Err(not_ours().into());
        }
        (self.record.position, self.record.state) = (sums.size(), state);
        Ok(())
    }

    /// Registers what was stored, under the terms of now: those of before its bytes came may be hours old.
    pub(super) fn register(&self, declared: &Declared, stored: &Stored) -> Result<Response, Failure> {
        let terms = terms(self.gateway, declared)?;
        may_have(stored.size, &terms, self.objects.limit())?;
        let sha256 = stored.sha256.to_string();
        let signature = release::check(self.gateway, &terms, declared, stored.size, &sha256)?;
        standing(self.gateway, declared)?;
        let new = NewFirmware {
            product: &declared.product,
            version: &declared.version,
            stored,
            sign_method: declared.said.sign_method,
            duties: declared.said.duties.duties(),
            signature: signature.as_ref().map(|(signature, key)| (signature.as_str(), key.as_str())),
        };
        let (status, firmware) = match self.gateway.decide(|ledger| Ok(ledger.create_firmware(&new)?))? {
            Pushed::Created(firmware) => (StatusCode::CREATED, firmware),
            Pushed::Same(firmware) | Pushed::Repaired(firmware) => (StatusCode::OK, firmware),
            Pushed::Taken(_) => return Err(taken(declared).into()),
            Pushed::NoProduct => return Err(unknown_product(&declared.product).into()),
            Pushed::NoUpload => return Err(no_upload().into()),
        };
        if firmware.image.object != stored.object {
            self.give_up();
        }
        known(self.gateway, status, &firmware)
    }

    /// Gives the upload up, and removes what came, as far as that is done at once: a sweep removes the rest.
    pub(super) fn give_up(&self) {
        let object = &self.record.writing.object;
        match self.gateway.decide(|ledger| Ok(ledger.doom_upload(object)?)) {
            // It is a firmware, or given up by somebody else.
            Ok(false) => {}
            Ok(true) => self.remove(),
            Err(failure) => eprintln!("an upload is left to its time: {failure}"),
        }
    }

    pub(super) fn remove(&self) {
        let watch = Watch::start(self.gateway.clock);
        let may_go_on = || watch.is_before(REMOVE_FOR);
        if let Err(error) = self.objects.remove(&self.record.writing, self.record.most_stored(), &may_go_on) {
            eprintln!("the object of an upload is left to a sweep: {error}");
        }
    }

    fn refused(&self, error: UploadError) -> Failure {
        match error {
            UploadError::Empty => Refusal::bad_request("firmware is empty").into(),
            UploadError::TooLarge { limit } if self.record.size == Some(limit) => {
                let message = format!("size was declared as {limit}, more bytes came");
                Refusal::unprocessable("digest_mismatch", message).into()
            }
            UploadError::TooLarge { limit } => {
                too_large(limit.saturating_add(1), limit, self.objects.limit()).into()
            }
            UploadError::Store(error) => error.into(),
        }
    }
}

/// How long a request removes what it gives up (ms).
const REMOVE_FOR: i64 = 5_000;

/// The terms of the product.
pub(super) fn terms(gateway: &Gateway<'_>, declared: &Declared) -> Result<ProductTerms, Failure> {
    let product = gateway.decide(|ledger| Ok(ledger.product_terms(&declared.product)?))?;
    Ok(product.ok_or_else(|| unknown_product(&declared.product))?)
}

/// The firmware that stands under this version; refused when it is another than was declared.
pub(super) fn standing(
    gateway: &Gateway<'_>,
    declared: &Declared,
) -> Result<Option<FirmwareRecord>, Failure> {
    let standing = gateway.decide(|ledger| Ok(ledger.firmware(&declared.product, &declared.version)?))?;
    let Some(firmware) = standing else { return Ok(None) };
    if declared.sha256.as_ref().is_some_and(|sha256| *sha256 != firmware.image.sha256.to_string()) {
        return Err(taken(declared).into());
    }
    declared.said.duties.check(&firmware)?;
    Ok(Some(firmware))
}

fn not_ours() -> Refusal {
    Refusal::conflict("upload_taken", "another request writes this upload now, or it was given up")
        .with_hint("ask the upload how far it is, and go on from there")
}

/// What is known of the bytes that came.
pub(super) fn sums(record: &UploadRecord) -> Result<Sums, Failure> {
    if record.state.is_empty() {
        return Ok(Sums::default());
    }
    Sums::read(&record.state)
        .map_err(|error| Failure::Broken(format!("upload {}: {error}", record.writing.object)))
}

/// The answer that shows a registered firmware.
pub(super) fn known(
    gateway: &Gateway<'_>,
    status: StatusCode,
    firmware: &FirmwareRecord,
) -> Result<Response, Failure> {
    // One that is new was tried by nobody.
    let is_new = status == StatusCode::CREATED;
    let is_verified = !is_new && gateway.decide(|ledger| Ok(ledger.is_verified(firmware)?))?;
    Ok(response::json(status, &shown(firmware, is_verified)))
}

pub(super) fn taken(declared: &Declared) -> Refusal {
    let version = &declared.version;
    Refusal::conflict("version_taken", format!("version {version} is registered with other bytes"))
        .with_hint("a firmware never changes: give these bytes a version of their own")
}

pub(super) fn no_upload() -> Refusal {
    Refusal::not_found("there is no such upload")
        .with_hint("it was given up, or its firmware is registered: begin it again")
}
