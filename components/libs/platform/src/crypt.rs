//! Secrets at rest: of devices and of hooks. They must be kept readable, since the protocol signs with a plain hash
//! over them (§3) and messages are signed with them, so they are encrypted under a key that the database does not have.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ota_protocol::key::DeviceId;
use ota_protocol::secret::Secret;

use crate::failure::Failure;
use crate::ports::Random;

/// Seals with the current key, opens with the current or the previous.
///
/// What is sealed for one owner does not open for another. XChaCha20-Poly1305: its nonces of
/// 192 bits may be random, however many secrets there are.
pub struct SecretBox {
    current: XChaCha20Poly1305,
    previous: Option<XChaCha20Poly1305>,
}

impl SecretBox {
    /// A box under keys derived from these secrets, which may have any length.
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Self {
        Self { current: cipher(current), previous: previous.map(cipher) }
    }

    /// `secret` of `owner`, encrypted: base64 text, another at each call.
    pub fn seal<'o>(
        &self,
        random: &dyn Random,
        owner: impl Into<Owner<'o>>,
        secret: &Secret,
    ) -> Result<String, CryptError> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let sealed = self
            .current
            .encrypt(
                &XNonce::from(nonce),
                Payload { msg: secret.expose().as_bytes(), aad: owner.into().to_string().as_bytes() },
            )
            .map_err(|_| CryptError::Seal)?;
        Ok(STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// What [`SecretBox::seal`] sealed for `owner`.
    pub fn open<'o>(&self, owner: impl Into<Owner<'o>>, sealed: &str) -> Result<Secret, CryptError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| CryptError::Text)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(CryptError::Text)?;
        let owner = owner.into().to_string();
        let open = |cipher: &XChaCha20Poly1305| {
            let payload = Payload { msg: sealed, aad: owner.as_bytes() };
            cipher.decrypt(&XNonce::from(*nonce), payload).ok()
        };
        let plain =
            open(&self.current).or_else(|| self.previous.as_ref().and_then(open)).ok_or(CryptError::Key)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| CryptError::Text)
    }
}

/// Whose secret it is: what one owner's was sealed with says so, and opens for no other.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'o> {
    /// A device: `product/device`.
    Device(&'o DeviceId),
    /// A hook, by its id: without a slash, and so no device.
    Hook(&'o str),
}

impl<'o> From<&'o DeviceId> for Owner<'o> {
    fn from(device: &'o DeviceId) -> Self {
        Self::Device(device)
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => device.fmt(f),
            Self::Hook(hook) => write!(f, "hook {hook}"),
        }
    }
}

/// Why a secret was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptError {
    /// It cannot be encrypted: longer than the cipher takes (256 GiB).
    #[error("secret is too long to be encrypted")]
    Seal,
    /// It is not what was once sealed.
    #[error("stored secret is not one that was sealed")]
    Text,
    /// Neither key opens it, or it was sealed for another owner.
    #[error("stored secret does not open: variables secret_key and secret_key_previous hold other keys")]
    Key,
}

impl From<CryptError> for Failure {
    fn from(error: CryptError) -> Self {
        Self::Broken(error.to_string())
    }
}

const NONCE: usize = 24;

fn cipher(secret: &Secret) -> XChaCha20Poly1305 {
    let key = blake3::derive_key("ota-gateway 2026-11 device secrets at rest", secret.expose().as_bytes());
    XChaCha20Poly1305::new(&key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemRandom;

    fn device(key: &str) -> DeviceId {
        DeviceId::parse("pk", key).unwrap()
    }

    fn secret_box(current: &str, previous: Option<&str>) -> SecretBox {
        SecretBox::new(&Secret::new(current), previous.map(Secret::new).as_ref())
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_device_only() {
        let keys = secret_box("key", None);
        let secret = Secret::new("DrihKncQARUwVXUvRH6k");
        let sealed = keys.seal(&SystemRandom, &device("a"), &secret).unwrap();
        assert!(!sealed.contains("DrihKnc"));
        assert_eq!(keys.open(&device("a"), &sealed).as_ref(), Ok(&secret));
        assert_eq!(keys.open(&device("b"), &sealed), Err(CryptError::Key));
        let again = keys.seal(&SystemRandom, &device("a"), &secret).unwrap();
        assert_ne!(again, sealed);
    }

    #[test]
    fn a_hooks_secret_opens_for_that_hook_and_for_no_device() {
        let keys = secret_box("key", None);
        let secret = Secret::new("DrihKncQARUwVXUvRH6k");
        let sealed = keys.seal(&SystemRandom, Owner::Hook("a"), &secret).unwrap();
        assert_eq!(keys.open(Owner::Hook("a"), &sealed).as_ref(), Ok(&secret));
        assert_eq!(keys.open(Owner::Hook("b"), &sealed), Err(CryptError::Key));
        assert_eq!(keys.open(&device("a"), &sealed), Err(CryptError::Key));
    }

    #[test]
    fn the_previous_key_opens_and_no_longer_seals() {
        let secret = Secret::new("s");
        let old = secret_box("old", None);
        let both = secret_box("new", Some("old"));
        let sealed_before = old.seal(&SystemRandom, &device("a"), &secret).unwrap();
        let sealed_after = both.seal(&SystemRandom, &device("a"), &secret).unwrap();
        assert_eq!(both.open(&device("a"), &sealed_before).as_ref(), Ok(&secret));
        assert_eq!(both.open(&device("a"), &sealed_after).as_ref(), Ok(&secret));
        assert_eq!(old.open(&device("a"), &sealed_after), Err(CryptError::Key));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let keys = secret_box("key", None);
        let sealed = keys.seal(&SystemRandom, &device("a"), &Secret::new("s")).unwrap();
        let bytes = STANDARD_NO_PAD.decode(sealed).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let altered = STANDARD_NO_PAD.encode(altered);
            assert_eq!(keys.open(&device("a"), &altered), Err(CryptError::Key));
        }
    }

    #[test]
    fn text_that_was_never_sealed_is_refused() {
        let keys = secret_box("key", None);
        for text in ["", "plain secret", "AAAA", "ä"] {
            assert_eq!(keys.open(&device("a"), text), Err(CryptError::Text), "{text}");
        }
    }
}
