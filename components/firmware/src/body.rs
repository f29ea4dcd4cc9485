//! The body of a download: verified pieces, as long as the device is still let.

use ota_image::{ReadError, Reader};
use ota_ledger::download::Access;
use ota_ledger::record::FirmwareRecord;
use ota_platform::Gateway;
use ota_protocol::link::Link;

use crate::attempt::{complete, damaged};

/// A running body asks the ledger again after this long (ms).
const ASK_EVERY: i64 = 5000;

/// A body that asked the ledger in vain for this long is cut off (ms). So what a hard stop or a quarantine ends does
/// end, even where the ledger is out of reach; and a failover of a database, most often over within a minute, breaks
/// no download off. A device that is cut off asks for the rest, and is told 503 until the ledger is back.
const WITHOUT_A_WORD: i64 = 60_000;

/// What is still to be sent.
pub struct Body<'g> {
    gateway: &'g Gateway<'g>,
    link: Link,
    firmware: FirmwareRecord,
    reader: Reader<'g>,
    /// When the ledger was last asked (ms).
    asked_at: i64,
    /// When it was first asked in vain since its last word (ms).
    silent_since: Option<i64>,
    /// Whether the device has the whole image when it has this.
    is_last: bool,
}

impl<'g> Body<'g> {
    pub(crate) fn new(
        gateway: &'g Gateway<'g>,
        link: Link,
        firmware: FirmwareRecord,
        reader: Reader<'g>,
        is_last: bool,
    ) -> Self {
        let now = gateway.clock.now_ms();
        Self { gateway, link, firmware, reader, asked_at: now, silent_since: None, is_last }
    }

    /// The last byte was sent.
    pub fn complete(self) {
        if self.is_last {
            complete(self.gateway, &self.link);
        }
    }

    /// Whether the attempt still lives. A ledger that cannot be asked is asked again; what began is not cut off for it
    /// before [`WITHOUT_A_WORD`].
    fn may_go_on(&mut self) -> bool {
        let now = self.gateway.clock.now_ms();
        // A clock that was set back is no reason to wait longer.
        let since = |then: i64| now.saturating_sub(then).saturating_abs();
        if since(self.asked_at) < ASK_EVERY {
            return true;
        }
        self.asked_at = now;
        match self.gateway.decide(|ledger| Ok(ledger.access(&self.link)?)) {
            Ok(Access::Gone(why)) => {
                eprintln!("cut off: {why}");
                false
            }
            Ok(Access::Begun(now) | Access::Returned(now) | Access::MayBegin(now)) => {
                self.silent_since = None;
                // What was damaged is another object once it is made whole.
                now.image.object == self.firmware.image.object
            }
            Err(failure) => {
                eprintln!("a running download could not be checked: {failure}");
                // On a slow line a minute passes between two pieces: one answer that is missing cuts nothing off.
                since(*self.silent_since.get_or_insert(now)) < WITHOUT_A_WORD
            }
        }
    }
}

impl Iterator for Body<'_> {
    type Item = Option<Vec<u8>>;

    /// The next piece, `Some(None)` when the body must be cut off, `None` at its end.
    fn next(&mut self) -> Option<Self::Item> {
        if !self.may_go_on() {
            return Some(None);
        }
        // The store may take its time, and then the device: neither holds a connection of the pool meanwhile.
        self.gateway.release();
        match self.reader.next()? {
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
}
