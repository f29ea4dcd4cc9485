//! Download links: who may fetch what, and until when, under a seal.

mod url;

pub use url::{DownloadRequest, FileRequest, Org, OrgError, file_url};

use crate::key::DeviceId;
use crate::seal::{Purpose, SealError, SealKeys};

const PURPOSE: Purpose = Purpose::new("link");

/// What the token in a download link says.
///
/// ```
/// # use ota_protocol::{key::DeviceId, link::Link, seal::SealKeys, secret::Secret};
/// # let keys = SealKeys::new(&Secret::new("a key of 16 bytes or more"), None)?;
/// let device = DeviceId::parse("pk", "dk")?;
/// let link = Link { epoch: 1, device, task: "42".into(), attempt: 1, expires_at: 1_795_455_510_094 };
/// assert_eq!(Link::open(&link.sign(&keys), &keys)?, link);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The epoch of the ledger that made it; another epoch makes it void.
    pub epoch: i64,
    /// The only device that it serves.
    pub device: DeviceId,
    /// The ledger's id of the task; with at most 64 bytes the token fits its limit.
    pub task: String,
    /// Which attempt of the task.
    pub attempt: i64,
    /// When it ends, in milliseconds since 1970. The caller, which has the clock, compares.
    pub expires_at: i64,
}

impl Link {
    /// The link as a token of at most [`crate::seal::MAX_TOKEN`] characters.
    pub fn sign(&self, keys: &SealKeys) -> String {
        let Self { epoch, device, task, attempt, expires_at } = self;
        let DeviceId { product, device } = device;
        let body = format!("{epoch}|{attempt}|{expires_at}|{product}|{device}|{task}");
        keys.seal(PURPOSE, &body)
    }

    /// The link that we sealed. Whether it has expired is for the caller to say.
    pub fn open(token: &str, keys: &SealKeys) -> Result<Self, SealError> {
        let body = keys.open(PURPOSE, token)?;
        Self::from_body(&body).ok_or(SealError::Content)
    }

    fn from_body(body: &str) -> Option<Self> {
        // The task comes last and takes the rest, so nothing in it can shift a field.
        let mut fields = body.splitn(6, '|');
        let mut next = || fields.next();
        Some(Self {
            epoch: next()?.parse().ok()?,
            attempt: next()?.parse().ok()?,
            expires_at: next()?.parse().ok()?,
            device: DeviceId::parse(next()?, next()?).ok()?,
            task: next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
