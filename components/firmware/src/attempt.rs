//! What a download does to its attempt in the ledger: it begins, it is complete, or it finds the firmware damaged.

use http::StatusCode;
use ota_image::ReadError;
use ota_ledger::download::Begun;
use ota_ledger::record::FirmwareRecord;
use ota_platform::{Failure, Gateway, Refusal};
use ota_protocol::link::Link;

/// Commits the begin, unless the attempt has begun.
pub(crate) fn begin(gateway: &Gateway<'_>, link: &Link, has_begun: bool) -> Result<(), Failure> {
    if has_begun {
        return Ok(());
    }
    match gateway.decide(|ledger| Ok(ledger.begin(link)?))? {
        Begun::Yes => Ok(()),
        Begun::Gone(why) => Err(gone(why).into()),
        Begun::Later => Err(Refusal::unavailable("no_slot", "the job has no room for another device now")
            .with_retry_after("30")
            .into()),
    }
}

/// The device has every byte. If this is not written, the device's own steps say it.
pub(crate) fn complete(gateway: &Gateway<'_>, link: &Link) {
    if let Err(failure) = gateway.decide(|ledger| Ok(ledger.complete(link)?)) {
        eprintln!("a complete download is not recorded: {failure}");
    }
}

/// Takes the firmware out of service, and says that it is.
pub(crate) fn damaged(
    gateway: &Gateway<'_>,
    link: &Link,
    firmware: &FirmwareRecord,
    error: &ReadError,
) -> Failure {
    eprintln!("{error}");
    let (product, version) = (&firmware.product, &firmware.version);
    let (object, detail) = (&firmware.image.object, error.to_string());
    match gateway.decide(|ledger| Ok(ledger.quarantine(product, version, object, &link.device, &detail)?)) {
        Ok(true) => gone("the firmware is quarantined").into(),
        Ok(false) => Refusal::unavailable("made_whole", "the firmware was made whole meanwhile").into(),
        Err(failure) => failure,
    }
}

pub(crate) fn gone(why: &'static str) -> Refusal {
    Refusal::new(StatusCode::GONE, "gone", why)
}
