//! Who changed something, and since when he was at it.

use crate::call::Call;
use crate::device::Device;
use crate::said::Said;

/// The call that committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'c> {
    pub(crate) call: &'c Call,
    /// When it began (ms).
    pub(crate) began_at: i64,
    /// When it first looked into the ledger (ms).
    pub(crate) looked_at: i64,
}

impl Cause<'_> {
    /// The message of the device `named` that informs something, if that is what it is.
    pub(crate) fn informs(&self, named: &str) -> Option<&Said> {
        match self.call {
            Call::Inform(said, _) if said.heard.id.device.as_str() == named => Some(said),
            _ => None,
        }
    }

    /// Whether the ledger could know when `said` was said, which it was handed with this call.
    pub(crate) fn could_know(&self, said: &Said) -> bool {
        self.looked_at == self.began_at && said.is_exact(self.began_at)
    }

    /// Notes what was informed without the ledger knowing when it was said: a sweep may go by it later.
    pub(crate) fn blur(&self, devices: &mut [Device]) {
        let Call::Inform(said, version) = self.call else { return };
        if self.could_know(said) {
            return;
        }
        if let Some(device) = devices.iter_mut().find(|device| device.id == said.heard.id) {
            device.blur(version);
        }
    }
}
