//! The signature on what the gateway tells an operator's systems, so that a receiver knows who sent it and when.
//!
//! The header is `x-ota-signature: t=<seconds since 1970>,v1=<hex>`, where `<hex>` is the HMAC-SHA256 of the text
//! `<t>.<body>` under the hook's secret, the body byte for byte as it was sent. A receiver computes the same over the
//! bytes that it got, compares in constant time, and refuses a `t` that is further than [`TOLERANCE`] from its own
//! clock: what somebody recorded cannot be played again later.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::secret::Secret;

/// Carries the signature.
pub const SIGNATURE_HEADER: &str = "x-ota-signature";
/// Names the delivery: the same at each try, so that a receiver can tell a repetition.
pub const DELIVERY_HEADER: &str = "x-ota-delivery";
/// The shortest secret of a hook, in bytes.
pub const SHORTEST_SECRET: usize = 16;
/// How far the time of a signature may be from the receiver's clock (s).
pub const TOLERANCE: i64 = 300;

/// The secret that a hook shares with its receiver, ready to sign.
///
/// ```
/// use ota_protocol::{hook::HookKey, secret::Secret};
/// let key = HookKey::new(&Secret::new("a secret of 16 bytes or more"))?;
/// let signature = key.sign(1_800_000_000, b"{}");
/// assert!(signature.starts_with("t=1800000000,v1="));
/// assert!(key.verify(&signature, b"{}", 1_800_000_007).is_ok());
/// assert!(key.verify(&signature, b"{ }", 1_800_000_007).is_err());
/// # Ok::<(), ota_protocol::hook::SignatureError>(())
/// ```
#[derive(Clone)]
pub struct HookKey(Hmac<Sha256>);

impl HookKey {
    /// Refuses a secret that could be guessed.
    pub fn new(secret: &Secret) -> Result<Self, SignatureError> {
        let bytes = secret.expose().as_bytes();
        let weak = SignatureError::WeakSecret(bytes.len());
        if bytes.len() < SHORTEST_SECRET {
            return Err(weak);
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| weak)
    }

    /// The value of [`SIGNATURE_HEADER`] for `body`, sent at `at` (s since 1970).
    pub fn sign(&self, at: i64, body: &[u8]) -> String {
        format!("t={at},v1={}", hex::encode(self.mac(at, body)))
    }

    /// What a receiver does with the header's value, the body and its own clock (s since 1970).
    pub fn verify(&self, signature: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
        let (at, mac) = signature
            .strip_prefix("t=")
            .and_then(|rest| rest.split_once(",v1="))
            .ok_or(SignatureError::Shape)?;
        let at: i64 = at.parse().map_err(|_| SignatureError::Shape)?;
        let mac = hex::decode(mac).map_err(|_| SignatureError::Shape)?;
        if !bool::from(self.mac(at, body).ct_eq(&mac)) {
            return Err(SignatureError::Forged);
        }
        if now.abs_diff(at) > TOLERANCE.unsigned_abs() {
            return Err(SignatureError::Stale(at));
        }
        Ok(())
    }

    fn mac(&self, at: i64, body: &[u8]) -> [u8; 32] {
        let mac = self.0.clone().chain_update(at.to_string()).chain_update(".").chain_update(body);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookKey(…)")
    }
}

/// Why a secret or a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// A secret below [`SHORTEST_SECRET`].
    #[error("secret of a hook has {0} bytes, at least {SHORTEST_SECRET} are needed")]
    WeakSecret(usize),
    /// Not `t=…,v1=…`.
    #[error("signature is malformed")]
    Shape,
    /// Of another body, another time, or another secret.
    #[error("signature does not fit the body")]
    Forged,
    /// Further than [`TOLERANCE`] from the receiver's clock.
    #[error("signature is of {0} s, more than {TOLERANCE} s away")]
    Stale(i64),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: i64 = 1_800_000_000;
    const BODY: &[u8] = br#"{"kind":"held"}"#;

    fn key() -> HookKey {
        HookKey::new(&Secret::new("secret-of-the-hook")).unwrap()
    }

    /// Computed with Python's `hmac` and with `openssl dgst -sha256 -hmac`.
    #[test]
    fn the_signature_is_the_one_that_others_compute() {
        assert_eq!(
            key().sign(AT, BODY),
            "t=1800000000,v1=b9057d09e4c82708c787d4a03fde0d4b2b09a2b1f691068673f40a257dfef7a2"
        );
    }

    #[test]
    fn a_signature_is_of_one_body_one_time_and_one_secret() {
        let signature = key().sign(AT, BODY);
        assert_eq!(key().verify(&signature, BODY, AT), Ok(()));
        assert_eq!(key().verify(&signature, b"{}", AT), Err(SignatureError::Forged));
        let other = HookKey::new(&Secret::new("secret-of-another-hook")).unwrap();
        assert_eq!(other.verify(&signature, BODY, AT), Err(SignatureError::Forged));
        let moved = signature.replace("t=1800000000", "t=1800000001");
        assert_eq!(key().verify(&moved, BODY, AT), Err(SignatureError::Forged));
    }

    #[test]
    fn what_was_recorded_is_stale_after_five_minutes() {
        let signature = key().sign(AT, BODY);
        for (now, expected) in [
            (AT - 300, Ok(())),
            (AT + 300, Ok(())),
            (AT - 301, Err(SignatureError::Stale(AT))),
            (AT + 301, Err(SignatureError::Stale(AT))),
        ] {
            assert_eq!(key().verify(&signature, BODY, now), expected, "{now}");
        }
    }

    #[test]
    fn text_that_is_no_signature_is_refused() {
        for text in ["", "t=", "v1=00", "t=1,v1", "t=x,v1=00", "t=1,v1=0", "t=1,v1=zz", "t=1, v1=00"] {
            assert_eq!(key().verify(text, BODY, AT), Err(SignatureError::Shape), "{text}");
        }
        assert_eq!(key().verify("t=1,v1=00", BODY, AT), Err(SignatureError::Forged));
    }

    #[test]
    fn a_secret_that_could_be_guessed_signs_nothing() {
        let refused = HookKey::new(&Secret::new("15 characters !")).unwrap_err();
        assert_eq!(refused, SignatureError::WeakSecret(15));
        assert_eq!(refused.to_string(), "secret of a hook has 15 bytes, at least 16 are needed");
        assert_eq!(format!("{:?}", key()), "HookKey(…)");
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_any_text_is_answered(
            at in any::<i64>(), body in proptest::collection::vec(any::<u8>(), 0..64), text in ".{0,80}",
        ) {
            prop_assert_eq!(key().verify(&key().sign(at, &body), &body, at), Ok(()));
            prop_assert!(key().verify(&text, &body, at).is_err());
        }
    }
}
