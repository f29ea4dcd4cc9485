//! Secrets that cannot be printed by accident nor guessed by timing.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A device secret, a token, a password or a key.
///
/// Its `Debug` hides the text, it has no `Display`, and comparing takes the same time wherever the
/// difference is.
///
/// ```
/// use ota_protocol::secret::Secret;
/// let secret = Secret::new("DrihKncQARUwVXUvRH6k");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert!(secret.matches("DrihKncQARUwVXUvRH6k"));
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must not be shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for hashing, sealing or the one answer that may show it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it. A door whose secret is empty stays closed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `offered` is this secret, in constant time and without telling its length.
    pub fn matches(&self, offered: &str) -> bool {
        let ours = Sha256::digest(self.0.as_bytes());
        let theirs = Sha256::digest(offered.as_bytes());
        ours.ct_eq(&theirs).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_neither_text_nor_length() {
        assert_eq!(format!("{:?}", Secret::new("abc")), "Secret(…)");
        assert_eq!(format!("{:#?}", Some(Secret::new(""))), "Some(\n    Secret(…),\n)");
    }

    #[test]
    fn only_the_same_text_matches() {
        let secret = Secret::new("s3cret");
        assert!(secret.matches("s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3creT"] {
            assert!(!secret.matches(other), "{other:?}");
            assert_ne!(secret, Secret::new(other));
        }
    }
}
