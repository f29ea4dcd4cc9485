//! The signature of a firmware by whoever releases it: Ed25519 over a statement that says what is released as what.
//!
//! The statement binds product, version, size and SHA-256, so that a signature is worth nothing for another file, nor
//! for the same file under another version or product. It is this text, each line ended by a line feed:
//!
//! ```text
//! ota-firmware
//! product <product key>
//! version <version>
//! size <bytes>
//! sha256 <64 hex digits, lower case>
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::key::ProductKey;
use crate::version::Version;

/// The most keys of one product.
pub const MOST_KEYS: usize = 8;

/// What is signed.
///
/// ```
/// use ota_protocol::{key::ProductKey, release::statement, version::Version};
/// let (product, version) = (ProductKey::parse("wind")?, Version::parse("2.0")?);
/// assert_eq!(
///     statement(&product, &version, 3, "ab"),
///     "ota-firmware\nproduct wind\nversion 2.0\nsize 3\nsha256 ab\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn statement(product: &ProductKey, version: &Version, size: u64, sha256: &str) -> String {
    let (product, version) = (product.as_str(), version.as_str());
    format!("ota-firmware\nproduct {product}\nversion {version}\nsize {size}\nsha256 {sha256}\n")
}

/// A public key that firmware of a product is signed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseKey(VerifyingKey);

/// A signature, not yet verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseSignature(Signature);

/// Why a text is no key or no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// Not the 32 bytes of a public key in hex or base64, or no point of the curve that signs safely.
    #[error("not an Ed25519 public key: expected 64 hex digits, or 44 characters of base64")]
    Key,
    /// Not the 64 bytes of a signature in hex or base64.
    #[error("not an Ed25519 signature: expected 128 hex digits, or 88 characters of base64")]
    Signature,
}

impl ReleaseKey {
    /// Parses a public key, 32 bytes in hex or base64.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let bytes = decode::<32>(text).ok_or(ReleaseError::Key)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| ReleaseError::Key)?;
        // A weak key makes one signature fit any statement.
        if key.is_weak() { Err(ReleaseError::Key) } else { Ok(Self(key)) }
    }

    /// The key in lower-case hex.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_bytes())
    }

    /// Whether this key made `signature` over `statement`.
    pub fn has_signed(&self, statement: &str, signature: &ReleaseSignature) -> bool {
        self.0.verify_strict(statement.as_bytes(), &signature.0).is_ok()
    }
}

impl ReleaseSignature {
    /// Parses a signature, 64 bytes in hex or base64.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let bytes = decode::<64>(text).ok_or(ReleaseError::Signature)?;
        Ok(Self(Signature::from_bytes(&bytes)))
    }

    /// The signature in lower-case hex.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0.to_bytes())
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = if text.len() == 2 * N { hex::decode(text).ok() } else { STANDARD.decode(text).ok() };
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn signed() -> (ReleaseKey, String, ReleaseSignature) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (product, version) = (ProductKey::parse("wind").unwrap(), Version::parse("2.0").unwrap());
        let statement = statement(&product, &version, 3, &"ab".repeat(32));
        let signature = hex::encode(key.sign(statement.as_bytes()).to_bytes());
        let public = hex::encode(key.verifying_key().as_bytes());
        (ReleaseKey::parse(&public).unwrap(), statement, ReleaseSignature::parse(&signature).unwrap())
    }

    #[test]
    fn a_signature_fits_its_key_and_its_statement_and_nothing_else() {
        let (key, statement, signature) = signed();
        assert!(key.has_signed(&statement, &signature));
        for (from, to) in [("wind", "wave"), ("2.0", "2.1"), ("size 3", "size 4"), ("ab", "ac")] {
            assert!(!key.has_signed(&statement.replacen(from, to, 1), &signature), "{to}");
        }
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert!(!ReleaseKey(other).has_signed(&statement, &signature));
    }

    #[test]
    fn keys_and_signatures_are_taken_in_hex_and_base64() {
        let (key, _, signature) = signed();
        for text in [key.to_hex(), key.to_hex().to_uppercase(), STANDARD.encode(key.0.as_bytes())] {
            assert_eq!(ReleaseKey::parse(&text).as_ref(), Ok(&key), "{text}");
        }
        for text in [signature.to_hex(), STANDARD.encode(signature.0.to_bytes())] {
            assert_eq!(ReleaseSignature::parse(&text), Ok(signature), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_or_signature_is_refused() {
        for text in ["", "ab", &"g".repeat(64), &"ab".repeat(33), &"ä".repeat(32)] {
            assert_eq!(ReleaseKey::parse(text), Err(ReleaseError::Key), "{text}");
            assert_eq!(ReleaseSignature::parse(text), Err(ReleaseError::Signature), "{text}");
        }
        // The neutral element: a signature of zeros would fit everything.
        let weak = format!("01{}", "00".repeat(31));
        assert_eq!(ReleaseKey::parse(&weak), Err(ReleaseError::Key));
    }
}
