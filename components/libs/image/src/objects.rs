//! The port to an object store.
//!
//! An object is the bytes of one firmware and the [`Proof`] of its blocks. A store answers with what it has; it
//! verifies nothing.

use std::time::Duration;

use http::Method;

use crate::kv::KvError;
use crate::range::ByteRange;
use crate::transport::Incoming;

/// A store of firmware bytes. Whoever waits for it does nothing else meanwhile: one request has one guest to itself.
pub trait Objects {
    /// Which one it is.
    fn store(&self) -> Store;
    /// The largest firmware that it keeps, in bytes.
    fn limit(&self) -> u64;
    /// The bytes of each part but the last, for a firmware of `size` bytes if that is known: a multiple of
    /// [`PIECE`](crate::PIECE), and all of it is in memory once.
    fn part_len(&self, size: Option<u64>) -> usize;
    /// Begins a new object.
    fn begin(&self, object: &ObjectId) -> Result<Writing, ObjectsError>;
    /// How long the storing of a part may take, all tries included.
    fn patience(&self) -> Duration;
    /// Stores part `n` (from 0). What was stored as this part before is replaced.
    fn put_part(&self, writing: &Writing, n: u64, bytes: &[u8]) -> Result<(), ObjectsError>;
    /// Makes one object of its first `parts` parts. To be repeated when nobody heard whether it did.
    fn complete(&self, writing: &Writing, parts: u64) -> Result<(), ObjectsError>;
    /// Deletes an object of at most `size` bytes, complete or not, with its proof, for as long as `may_go_on`; what is not
    /// there is no error. How many bytes there are of which something is left: 0, and all is gone.
    fn remove(&self, writing: &Writing, size: u64, may_go_on: &dyn Fn() -> bool)
    -> Result<u64, ObjectsError>;
    /// Stores a part of what proves the object's blocks.
    fn put_proof(&self, object: &ObjectId, proof: Proof, bytes: &[u8]) -> Result<(), ObjectsError>;
    /// What [`Objects::put_proof`] stored, or `None`.
    fn proof(&self, object: &ObjectId, proof: Proof) -> Result<Option<Vec<u8>>, ObjectsError>;
    /// The next bytes at `cursor`, at most `most` of them, and moves it behind them. Not to be called at its end.
    fn next(&self, cursor: &mut Cursor, most: usize) -> Result<Chunk, ObjectsError>;

    /// A URL by which somebody else may fetch the object (GET), or bring it (PUT), for as long as this. `None` where
    /// nobody reaches the store but the gateway.
    fn presigned(&self, _object: &ObjectId, _method: &Method, _within: Duration) -> Option<String> {
        None
    }

    /// What names the bytes that were brought by a presigned URL: its tag, to be the token of the object. `None` when
    /// nothing was brought.
    fn brought(&self, _object: &ObjectId) -> Result<Option<String>, ObjectsError> {
        Ok(None)
    }

    /// Puts in its place what was brought with this tag, and nothing else that may be brought since: so whoever has the
    /// URL still cannot change it any more. May be repeated. `false` when it is neither there nor in its place.
    fn adopt(&self, _brought: &Writing) -> Result<bool, ObjectsError> {
        Ok(false)
    }
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// Beside the catalogue, in blocks.
    Kv,
    /// In a bucket.
    S3,
}

impl Store {
    /// `kv` or `s3`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::S3 => "s3",
        }
    }

    /// Parses `kv` or `s3`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Kv, Self::S3].into_iter().find(|store| store.as_str() == text)
    }
}

/// An object that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// Which.
    pub object: ObjectId,
    /// What the store gave it to be known by: S3's upload id, nothing in KV.
    pub token: String,
}

/// Which part of what proves an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The digests of the blocks of page `n` (from 0), 32 bytes each, in order.
    Digests(u64),
    /// The digests of these pages, of an object that has more than one.
    Pages,
}

/// Where the reading of a range is.
pub struct Cursor {
    /// Of which object.
    pub object: ObjectId,
    /// The bytes that it has.
    pub size: u64,
    /// The next byte.
    pub position: u64,
    /// The last byte of the range.
    pub last: u64,
    /// The answer that the next bytes come from, where a store sends them in one.
    pub incoming: Option<Box<dyn Incoming>>,
}

impl Cursor {
    /// At the begin of `range` of an object that has `size` bytes.
    pub fn new(object: &ObjectId, size: u64, range: ByteRange) -> Self {
        Self { object: object.clone(), size, position: range.first(), last: range.last(), incoming: None }
    }
}

/// What comes next of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes; at least one.
    Bytes(Vec<u8>),
    /// There is no such object, or a piece of it is not there.
    Missing,
    /// The object, or a piece of it, has another length than it was written with.
    OtherLength {
        /// Bytes that it was written with.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
}

/// The object store failed. Its text is for the log; nothing decides by it.
#[derive(Debug, thiserror::Error)]
#[error("object store: {0}")]
pub struct ObjectsError(pub String);

impl From<KvError> for ObjectsError {
    fn from(error: KvError) -> Self {
        Self(error.to_string())
    }
}

/// The name of one stored object: 32 lower-case hex digits, never used twice.
///
/// ```
/// use ota_image::ObjectId;
///
/// let object = ObjectId::from_random([0xab; 16]);
/// assert_eq!(object.as_str(), "ab".repeat(16));
/// assert_eq!(ObjectId::parse(object.as_str()), Ok(object));
/// assert!(ObjectId::parse("../secrets").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectId(String);

impl ObjectId {
    /// Names an object by 128 random bits.
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(hex::encode(bits))
    }

    /// Parses 32 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, ObjectIdError> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(is_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ObjectIdError)
        }
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text names no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an object: expected 32 lower-case hex digits")]
pub struct ObjectIdError;

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_lower_case_hex_digits_name_an_object() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(ObjectId::parse(digits).is_ok());
        for text in ["", &digits[1..], &digits.to_uppercase(), &"g".repeat(32)] {
            assert_eq!(ObjectId::parse(text), Err(ObjectIdError), "{text}");
        }
    }

    #[test]
    fn a_store_is_known_by_its_name() {
        for store in [Store::Kv, Store::S3] {
            assert_eq!(Store::parse(store.as_str()), Some(store));
        }
        assert_eq!(Store::parse("KV"), None);
    }
}
