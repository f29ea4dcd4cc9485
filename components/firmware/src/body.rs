//! The body of a download: verified pieces, as long as the device is still let.

use ota_image::{KvObjects, ReadError, Reader};
use ota_ledger::download::Access;
use ota_ledger::record::FirmwareRecord;
use ota_platform::Gateway;
use ota_protocol::link::Link;

use crate::attempt::{complete, damaged};

/// A running body asks the ledger again after this long (ms).
const ASK_EVERY: i64 = 5000;

/// What is still to be sent.
pub struct Body<'g> {
    gateway: &'g Gateway<'g>,
    link: Link,
    firmware: FirmwareRecord,
    reader: Reader<KvObjects<'g>>,
    asked_at: i64,
    /// Whether the device has the whole image when it has this.
    is_last: bool,
}

impl<'g> Body<'g> {
    pub(crate) fn new(
        gateway: &'g Gateway<'g>,
        link: Link,
        firmware: FirmwareRecord,
        reader: Reader<KvObjects<'g>>,
        is_last: bool,
    ) -> Self {
        Self { gateway, link, firmware, reader, asked_at: gateway.clock.now_ms(), is_last }
    }

    /// The next piece, `Some(None)` when the body must be cut off, `None` at its end.
    pub async fn next(&mut self) -> Option<Option<Vec<u8>>> {
        if !self.may_go_on() {
            return Some(None);
        }
        match self.reader.next().await? {
            Ok(piece) => Some(Some(piece)),
            Err(ReadError::Store(error)) => {
                eprintln!("cut off: {error}");
                Some(None)
            }
            Err(error @ ReadError::Damaged { .. }) => {
                damaged(self.gateway, &self.link, &self.firmware, &error);
                Some(None)
            }
        }
    }

    /// The last byte was sent.
    pub fn complete(self) {
        if self.is_last {
            complete(self.gateway, &self.link);
        }
    }

    /// Whether the attempt still lives. A ledger that cannot be asked is asked again; what began is not cut off for it.
    fn may_go_on(&mut self) -> bool {
        let now = self.gateway.clock.now_ms();
        if (now - self.asked_at).abs() < ASK_EVERY {
            return true;
        }
        self.asked_at = now;
        match self.gateway.decide(|ledger| Ok(ledger.access(&self.link)?)) {
            Ok(Access::Gone(why)) => {
                eprintln!("cut off: {why}");
                false
            }
            Ok(Access::Begun(_) | Access::Returned(_) | Access::MayBegin(_)) => true,
            Err(failure) => {
                eprintln!("a running download could not be checked: {failure}");
                true
            }
        }
    }
}
