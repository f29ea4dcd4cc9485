//! The `id` of a request: echoed exactly as it came, with its JSON type.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

/// The longest id that is echoed, in bytes of its JSON text.
pub const MAX_ID: usize = 256;

/// The raw JSON text of an `id`.
///
/// The Python SDK times out when its string comes back as a number, so nothing here interprets it
/// (§2 rule 2).
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct RequestId(Box<RawValue>);

impl RequestId {
    /// An id as it stood in the request; `None` when it is longer than [`MAX_ID`].
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        (raw.get().len() <= MAX_ID).then(|| Self(raw.to_owned()))
    }

    /// The JSON text: `"7"` with its quotes, `7`, `null`.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for RequestId {}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.as_json())
    }
}
