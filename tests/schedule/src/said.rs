//! What a device said, and the truth about it that no ledger is told: when, and which hardware it was.

use std::fmt;

use ota_ledger::inform::Heard;
use ota_protocol::key::DeviceId;

/// A message of a device.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// As the ledger hears it.
    pub(crate) heard: Heard,
    /// When it was said (ms).
    pub(crate) at: i64,
    /// The generation of the hardware that said it.
    pub(crate) generation: i64,
    /// Whether a listening bridge took it, which knows its age.
    is_dated: bool,
}

impl Said {
    /// Said at this moment, `at` (ms).
    pub(crate) fn new(id: DeviceId, generation: i64, at: i64, is_dated: bool) -> Self {
        Self { heard: Heard { id, age: None }, at, generation, is_dated }.arriving(at)
    }

    /// The same as it arrives at `now` (ms).
    pub(crate) fn arriving(self, now: i64) -> Self {
        let age = self.is_dated.then_some(now - self.at);
        Self { heard: Heard { age, ..self.heard }, ..self }
    }

    /// Whether whoever takes it in at `now` (ms) can know when it was said: from its age, or because it is said now.
    pub(crate) fn is_exact(&self, now: i64) -> bool {
        self.is_dated || self.at == now
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Heard { id, age } = &self.heard;
        let dated = age.map_or_else(|| "undated".to_owned(), |age| format!("{age} ms ago"));
        write!(f, "{} (said at {}, {dated})", id.device, self.at)
    }
}
