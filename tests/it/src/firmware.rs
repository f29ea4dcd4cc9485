//! Firmware as its maker knows it: bytes and digests, computed here and not taken from the gateway.

use md5::Md5;
use sha2::{Digest, Sha256};

/// The digest that devices are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignMethod {
    /// The vendor's default.
    Md5,
    /// The other one.
    Sha256,
}

/// One firmware.
#[derive(Debug, Clone)]
pub struct Firmware {
    /// Its version.
    pub version: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How it is signed.
    pub sign_method: SignMethod,
}

impl Firmware {
    /// `size` bytes without a pattern, other ones for each version.
    pub fn new(version: &str, size: usize) -> Self {
        let mut bytes = Vec::with_capacity(size + 32);
        let mut link = Sha256::digest(version);
        while bytes.len() < size {
            bytes.extend_from_slice(&link);
            link = Sha256::digest(link);
        }
        bytes.truncate(size);
        Self { version: version.to_owned(), bytes, sign_method: SignMethod::Md5 }
    }

    /// The same, signed otherwise.
    #[must_use]
    pub fn signed(mut self, sign_method: SignMethod) -> Self {
        self.sign_method = sign_method;
        self
    }

    /// What a device must be told, in lower-case hex.
    pub fn sign(&self) -> String {
        match self.sign_method {
            SignMethod::Md5 => hex::encode(Md5::digest(&self.bytes)),
            SignMethod::Sha256 => hex::encode(Sha256::digest(&self.bytes)),
        }
    }
}

impl SignMethod {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        }
    }
}
