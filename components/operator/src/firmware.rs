//! Firmware: streamed in, hashed on the way, registered when every byte is stored.

use futures::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use ota_image::{KvObjects, Objects as _, Stored, Upload, UploadError};
use ota_ledger::firmware::Pushed;
use ota_ledger::record::FirmwareRecord;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, door, ids, request, response};
use ota_protocol::key::ProductKey;
use ota_protocol::message::SignMethod;
use ota_protocol::version::Version;
use serde_json::{Value, json};

use crate::devices::unknown_product;
use crate::duties::DeclaredDuties;
use crate::route::{product_key, upload_target};

pub(crate) fn list(gateway: &Gateway<'_>, product: &ProductKey) -> Result<Response, Failure> {
    let (firmware, verified) = gateway.decide(|ledger| {
        if !ledger.has_product(product)? {
            return Err(unknown_product(product).into());
        }
        Ok((ledger.firmware_of(product)?, ledger.verified_of(product)?))
    })?;
    let is_verified = |firmware: &FirmwareRecord| {
        let least = firmware.duties.verify_least;
        verified.iter().any(|(version, most)| version == firmware.version.as_str() && *most >= least)
    };
    let shown: Vec<Value> = firmware.iter().map(|firmware| shown(firmware, is_verified(firmware))).collect();
    Ok(response::json(StatusCode::OK, &json!({ "firmware": shown })))
}

/// Serves `PUT /api/v1/products/{product}/firmware/{version}`; `body` comes in chunks of any size, an `Err` of it
/// means that the connection broke.
pub async fn upload(
    gateway: &Gateway<'_>,
    request: &Request,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Response {
    take(gateway, request, body).await.unwrap_or_else(Failure::into_response)
}

async fn take(
    gateway: &Gateway<'_>,
    request: &Request,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Result<Response, Failure> {
    door::operator(gateway, request.headers())?;
    let declared = Declared::of(request)?;
    gateway.decide(|ledger| {
        if ledger.has_product(&declared.product)? {
            return Ok(());
        }
        Err(unknown_product(&declared.product).into())
    })?;
    let objects = KvObjects(gateway.kv);
    let upload = Upload::new(&objects, ids::object_id(gateway.random));
    let stored = store(&objects, upload, body, &declared).await?;
    let pushed = gateway.decide(|ledger| {
        Ok(ledger.create_firmware(
            &declared.product,
            &declared.version,
            &stored,
            declared.sign_method,
            declared.duties.duties(),
        )?)
    });
    let (status, firmware) = match pushed {
        Ok(Pushed::Created(firmware)) => (StatusCode::CREATED, firmware),
        Ok(Pushed::Same(firmware)) => (StatusCode::OK, firmware),
        Ok(Pushed::Taken(_)) => {
            discard(&objects, &stored).await;
            return Err(taken(&declared).into());
        }
        Ok(Pushed::NoProduct) => {
            discard(&objects, &stored).await;
            return Err(unknown_product(&declared.product).into());
        }
        // The ledger may have written it and was not heard: what it may refer to is not deleted.
        Err(failure) => return Err(failure),
    };
    if firmware.image.object != stored.object {
        discard(&objects, &stored).await;
    }
    declared.duties.check(&firmware)?;
    // One that is new was tried by nobody.
    let is_new = status == StatusCode::CREATED;
    let is_verified = !is_new && gateway.decide(|ledger| Ok(ledger.is_verified(&firmware)?))?;
    Ok(response::json(status, &shown(&firmware, is_verified)))
}

/// What the request says of the firmware before its first byte.
struct Declared {
    product: ProductKey,
    version: Version,
    sign_method: SignMethod,
    size: Option<u64>,
    md5: Option<String>,
    sha256: Option<String>,
    duties: DeclaredDuties,
}

impl Declared {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let (product, version) =
            upload_target(request).ok_or_else(|| Refusal::not_found("there is nothing at this path"))?;
        let version = Version::parse(&version)
            .map_err(|error| Refusal::bad_request(format!("version {version:?}: {error}")))?;
        let method = request::parameter(request, "sign_method").unwrap_or_else(|| "md5".to_owned());
        let sign_method = SignMethod::parse(&method).ok_or_else(|| {
            Refusal::bad_request(format!("sign_method is {method:?}, must be md5 or sha256"))
        })?;
        let size = request::header(request.headers(), CONTENT_LENGTH.as_str());
        let size = size.and_then(|text| text.parse().ok());
        if let Some(size) = size.filter(|size| *size > ota_image::LIMIT) {
            return Err(too_large(size));
        }
        Ok(Self {
            product: product_key(&product)?,
            version,
            sign_method,
            size,
            md5: request::parameter(request, "md5"),
            sha256: request::parameter(request, "sha256"),
            duties: DeclaredDuties::of(request)?,
        })
    }

    /// What was declared must be what came.
    fn check(&self, stored: &Stored) -> Result<(), Refusal> {
        let came = [
            ("size", self.size.map(|size| size.to_string()), stored.size.to_string()),
            ("md5", self.md5.clone(), stored.md5.to_string()),
            ("sha256", self.sha256.clone(), stored.sha256.to_string()),
        ];
        for (what, declared, found) in came {
            if let Some(declared) = declared.filter(|declared| !declared.eq_ignore_ascii_case(&found)) {
                let message = format!("{what} was declared as {declared}, the bytes that came have {found}");
                return Err(Refusal::unprocessable("digest_mismatch", message)
                    .with_hint("the file changed on its way: send it again"));
            }
        }
        Ok(())
    }
}

/// Stores the body; on any error what was written is deleted again.
async fn store(
    objects: &KvObjects<'_>,
    mut upload: Upload<'_, KvObjects<'_>>,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
    declared: &Declared,
) -> Result<Stored, Failure> {
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = body.next().await {
        let taken = match chunk {
            Ok(chunk) => upload.push(&chunk).await.map_err(refused),
            Err(error) => Err(Refusal::bad_request(format!("the body broke off: {error}")).into()),
        };
        if let Err(failure) = taken {
            // The first error is the one to report; pieces left behind are referred to by no one.
            let _ = upload.abort().await;
            return Err(failure);
        }
    }
    let stored = upload.finish().await.map_err(refused)?;
    if let Err(refusal) = declared.check(&stored) {
        discard(objects, &stored).await;
        return Err(refusal.into());
    }
    Ok(stored)
}

fn refused(error: UploadError) -> Failure {
    match error {
        UploadError::Empty => Refusal::bad_request("firmware is empty").into(),
        UploadError::TooLarge { limit } => too_large(limit.saturating_add(1)).into(),
        UploadError::Store(error) => error.into(),
    }
}

fn too_large(size: u64) -> Refusal {
    let limit = ota_image::LIMIT;
    let message = format!("firmware has {size} bytes or more, the embedded store takes {limit}");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

fn taken(declared: &Declared) -> Refusal {
    let version = &declared.version;
    Refusal::conflict("version_taken", format!("version {version} is registered with other bytes"))
        .with_hint("a firmware never changes: give these bytes a version of their own")
}

/// Deletes an object that nothing refers to; if that fails it only takes room.
async fn discard(objects: &KvObjects<'_>, stored: &Stored) {
    if let Err(error) = objects.delete(&stored.object, ota_image::layout::pieces(stored.size)).await {
        eprintln!("object {} is left over: {error}", stored.object);
    }
}

fn shown(firmware: &FirmwareRecord, is_verified: bool) -> Value {
    json!({
        "product": firmware.product.as_str(),
        "version": firmware.version.as_str(),
        "sequence": firmware.sequence,
        "size": firmware.image.size,
        "md5": firmware.md5.to_string(),
        "sha256": firmware.image.sha256.to_string(),
        "sign_method": firmware.sign_method.as_str(),
        "quarantined": firmware.quarantined_at.is_some(),
        "must_pass": firmware.duties.must_pass,
        "needs_verification": firmware.duties.needs_verification,
        "verified": is_verified,
        "verify_most": firmware.duties.verify_most,
        "verify_least": firmware.duties.verify_least,
    })
}
