//! What the sweep takes out of the object store: uploads that nobody went on with, and objects that were replaced.

use ota_image::ObjectId;
use ota_ledger::record::UploadRecord;
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway};

/// How old a sweep is when it removes nothing (ms): an object of many pieces takes a while.
const REMOVE_UNTIL: i64 = 6_000;

/// Removes one object that nobody needs. One that cannot be removed comes again, behind the others.
pub(crate) fn remove(gateway: &Gateway<'_>, watch: &Watch<'_>) {
    if !watch.is_before(REMOVE_UNTIL) {
        return;
    }
    match gateway.decide_in_time(|ledger| Ok(ledger.doomed_upload()?)) {
        Ok(None) => {}
        Ok(Some(upload)) => {
            let object = &upload.writing.object;
            if let Err(failure) = remove_one(gateway, &upload, object) {
                eprintln!("object {object} is left over: {failure}");
            }
        }
        Err(failure) => eprintln!("leftovers of uploads could not be looked for: {failure}"),
    }
}

fn remove_one(gateway: &Gateway<'_>, upload: &UploadRecord, object: &ObjectId) -> Result<(), Failure> {
    gateway.objects_of(upload.store)?.remove(&upload.writing, upload.most_stored())?;
    gateway.decide_in_time(|ledger| Ok(ledger.forget_upload(object)?))
}
