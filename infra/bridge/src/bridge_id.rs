//! Who this bridge is: a name that no other process, before or after it, has.

use std::fmt;

/// The identity of one run of a bridge; the gateway keys presence and pending commands by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BridgeId(String);

impl BridgeId {
    /// A fresh one of 128 random bits in hex.
    ///
    /// # Errors
    /// The machine has no randomness to give.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let bits = (u128::from(getrandom::u64()?) << 64) | u128::from(getrandom::u64()?);
        Ok(Self(format!("{bits:032x}")))
    }

    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
