//! The session of a device that speaks HTTP only (§4): its `sessionId` is this, sealed.

use crate::key::DeviceId;
use crate::seal::{Purpose, SealError, SealKeys};

const PURPOSE: Purpose = Purpose::new("session");

/// A login that was accepted.
///
/// ```
/// # use ota_protocol::{key::DeviceId, seal::SealKeys, secret::Secret, session::Session};
/// # let keys = SealKeys::new(&Secret::new("a key of 16 bytes or more"), None)?;
/// let device = DeviceId::parse("pk", "dk")?;
/// let session = Session { epoch: 1, device, generation: 1, expires_at: 1_795_455_510_094 };
/// assert_eq!(Session::open(&session.sign(&keys), &keys)?, session);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The epoch of the ledger that accepted it; another epoch makes it void.
    pub epoch: i64,
    /// Who logged in.
    pub device: DeviceId,
    /// Which hardware: a device that was registered again has a new generation.
    pub generation: i64,
    /// When it ends, in milliseconds since 1970. The caller, which has the clock, compares.
    pub expires_at: i64,
}

impl Session {
    /// The session as a token of at most [`crate::seal::MAX_TOKEN`] characters.
    pub fn sign(&self, keys: &SealKeys) -> String {
        let Self { epoch, device, generation, expires_at } = self;
        let DeviceId { product, device } = device;
        keys.seal(PURPOSE, &format!("{epoch}|{generation}|{expires_at}|{product}|{device}"))
    }

    /// The session that we sealed. Whether it has expired is for the caller to say.
    pub fn open(token: &str, keys: &SealKeys) -> Result<Self, SealError> {
        let body = keys.open(PURPOSE, token)?;
        Self::from_body(&body).ok_or(SealError::Content)
    }

    fn from_body(body: &str) -> Option<Self> {
        let mut fields = body.split('|');
        let mut next = || fields.next();
        let session = Self {
            epoch: next()?.parse().ok()?,
            generation: next()?.parse().ok()?,
            expires_at: next()?.parse().ok()?,
            device: DeviceId::parse(next()?, next()?).ok()?,
        };
        next().is_none().then_some(session)
    }
}

#[cfg(test)]
mod tests;
