//! Sealed tokens: text that only the gateway can have made, safe in a URL.
//!
//! A token is `base64url(body).base64url(HMAC-SHA256)`. The purpose is part of what is sealed, so a
//! token made for one use is worth nothing for another. The body is readable by whoever holds it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use crate::secret::Secret;

/// The longest token, in characters.
pub const MAX_TOKEN: usize = 512;

/// The shortest key, in bytes.
pub const MIN_KEY: usize = 16;

/// The keys that seal: the current one, and the one before it until it is rotated out.
///
/// ```
/// use ota_protocol::{seal::{Purpose, SealKeys}, secret::Secret};
/// const RECEIPT: Purpose = Purpose::new("receipt");
/// let keys = SealKeys::new(&Secret::new("a key of 16 bytes or more"), None)?;
/// let token = keys.seal(RECEIPT, "task 7");
/// assert_eq!(keys.open(RECEIPT, &token)?, "task 7");
/// assert!(keys.open(Purpose::new("other"), &token).is_err());
/// # Ok::<(), ota_protocol::seal::SealError>(())
/// ```
#[derive(Clone)]
pub struct SealKeys {
    current: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl SealKeys {
    /// Refuses keys that could be guessed.
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Result<Self, SealError> {
        Ok(Self { current: key(current)?, previous: previous.map(key).transpose()? })
    }

    /// Seals a body with the current key.
    pub fn seal(&self, purpose: Purpose, body: &str) -> String {
        let body = URL_SAFE_NO_PAD.encode(body);
        let mac = mac(&self.current, purpose, &body);
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// The body of a token that one of the keys sealed for this purpose.
    pub fn open(&self, purpose: Purpose, token: &str) -> Result<String, SealError> {
        if token.len() > MAX_TOKEN {
            return Err(SealError::TooLong(token.len()));
        }
        let (body, seal) = token.split_once('.').ok_or(SealError::Shape)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| SealError::Shape)?;
        let matches = |key| mac(key, purpose, body).ct_eq(&seal);
        let previous = self.previous.as_ref().map_or(Choice::from(0), matches);
        if !bool::from(matches(&self.current) | previous) {
            return Err(SealError::Forged);
        }
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| SealError::Shape)?;
        String::from_utf8(body).map_err(|_| SealError::Shape)
    }
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKeys(…)")
    }
}

/// What a token is for. Two purposes never share a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// A purpose by its name, which must not contain U+0000.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

/// Why a token, or a key, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// A key below [`MIN_KEY`].
    #[error("sealing key has {0} bytes, at least {MIN_KEY} are needed")]
    WeakKey(usize),
    /// More than [`MAX_TOKEN`].
    #[error("token has {0} characters, {MAX_TOKEN} are allowed")]
    TooLong(usize),
    /// Not two parts of base64url.
    #[error("token is malformed")]
    Shape,
    /// Altered, of another purpose, or sealed by a key that is not ours.
    #[error("token was not sealed here for this purpose")]
    Forged,
    /// The seal is ours and what it sealed is not what this purpose seals.
    #[error("token does not say what it should")]
    Content,
}

fn key(secret: &Secret) -> Result<Hmac<Sha256>, SealError> {
    let bytes = secret.expose().as_bytes();
    let weak = SealError::WeakKey(bytes.len());
    if bytes.len() < MIN_KEY {
        return Err(weak);
    }
    Hmac::new_from_slice(bytes).map_err(|_| weak)
}

/// Of the purpose, a U+0000 that ends it, and the body as it stands in the token.
fn mac(key: &Hmac<Sha256>, purpose: Purpose, body: &str) -> [u8; 32] {
    key.clone().chain_update(purpose.0).chain_update([0]).chain_update(body).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
