//! What the sweep takes out of the object store: uploads that nobody went on with, and objects that were replaced.

use ota_ledger::record::UploadRecord;
use ota_platform::watch::Watch;
use ota_platform::{Failure, Gateway};

/// How old a sweep is when it begins to remove nothing (ms): a bucket that is away takes some seconds to be found so.
const BEGIN_UNTIL: i64 = 4_000;
/// How old it is when it removes nothing further (ms): what is left of a large object is for the next one.
const REMOVE_UNTIL: i64 = 6_000;

/// Removes one object that nobody needs. One that cannot be removed comes again, behind the others.
pub(crate) fn remove(gateway: &Gateway<'_>, watch: &Watch<'_>) {
    if !watch.is_before(BEGIN_UNTIL) {
        return;
    }
    let removed = gateway
        .decide_in_time(|ledger| Ok(ledger.doomed_upload()?))
        .and_then(|upload| upload.map_or(Ok(()), |upload| remove_one(gateway, watch, &upload)));
    if let Err(failure) = removed {
        eprintln!("an object that nobody needs is left over: {failure}");
    }
}

fn remove_one(gateway: &Gateway<'_>, watch: &Watch<'_>, upload: &UploadRecord) -> Result<(), Failure> {
    let may_go_on = || watch.is_before(REMOVE_UNTIL);
    let objects = gateway.objects_of(upload.store)?;
    let left = objects.remove(&upload.writing, upload.most_stored(), &may_go_on)?;
    gateway.decide_in_time(|ledger| Ok(ledger.removed_upload(&upload.writing.object, left)?))
}
