//! Firmware: what is registered, and how its bytes come in.

mod declared;
mod intake;
mod release;
pub(crate) mod uploads;

use futures::Stream;
use http::StatusCode;
use ota_ledger::record::FirmwareRecord;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, door, response};
use ota_protocol::key::ProductKey;
use serde_json::{Value, json};

use crate::devices::unknown_product;
use crate::route::{Streamed, streamed};

/// Serves a request whose body is streamed: a firmware, or the next bytes of one. The body comes in chunks of any size;
/// an `Err` of it means that the connection broke.
pub async fn stream(
    gateway: &Gateway<'_>,
    request: &Request,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Response {
    receive(gateway, request, body).await.unwrap_or_else(Failure::into_response)
}

async fn receive(
    gateway: &Gateway<'_>,
    request: &Request,
    body: impl Stream<Item = Result<Vec<u8>, String>>,
) -> Result<Response, Failure> {
    door::operator(gateway, request.headers())?;
    match streamed(request).ok_or_else(|| Refusal::not_found("there is nothing at this path"))? {
        Streamed::Firmware { product, version } => {
            uploads::whole(gateway, request, &product, &version, body).await
        }
        Streamed::Bytes { upload } => uploads::append(gateway, request, &upload, body).await,
    }
}

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

/// A firmware as operators see it.
fn shown(firmware: &FirmwareRecord, is_verified: bool) -> Value {
    json!({
        "product": firmware.product.as_str(),
        "version": firmware.version.as_str(),
        "sequence": firmware.sequence,
        "size": firmware.image.size,
        "md5": firmware.md5.to_string(),
        "sha256": firmware.image.sha256.to_string(),
        "sign_method": firmware.sign_method.as_str(),
        "store": firmware.image.store.as_str(),
        "signed_by": firmware.signed_by,
        "quarantined": firmware.quarantined_at.is_some(),
        "must_pass": firmware.duties.must_pass,
        "needs_verification": firmware.duties.needs_verification,
        "verified": is_verified,
        "verify_most": firmware.duties.verify_most,
        "verify_least": firmware.duties.verify_least,
    })
}
