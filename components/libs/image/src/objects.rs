//! The port to an object store, and the embedded one over a key-value store.
//!
//! An object is pieces and the digests of its blocks. A store answers with what it has; it verifies nothing.

use crate::kv::{Kv, KvError};

/// A store of firmware bytes.
#[expect(async_fn_in_trait, reason = "guests run on one thread; a Send bound would shut out their futures")]
pub trait Objects {
    /// Stores piece `n` (from 0) of `object`.
    async fn put_piece(&self, object: &ObjectId, n: u64, bytes: &[u8]) -> Result<(), ObjectsError>;
    /// Piece `n` of `object`, or `None`.
    async fn piece(&self, object: &ObjectId, n: u64) -> Result<Option<Vec<u8>>, ObjectsError>;
    /// Stores the digests of the blocks of `object`, 32 bytes each, in order.
    async fn put_digests(&self, object: &ObjectId, digests: &[u8]) -> Result<(), ObjectsError>;
    /// What [`Objects::put_digests`] stored, or `None`.
    async fn digests(&self, object: &ObjectId) -> Result<Option<Vec<u8>>, ObjectsError>;
    /// Deletes the digests and the first `pieces` pieces; what is not there is no error.
    async fn delete(&self, object: &ObjectId, pieces: u64) -> Result<(), ObjectsError>;
}

impl<O: Objects> Objects for &O {
    async fn put_piece(&self, object: &ObjectId, n: u64, bytes: &[u8]) -> Result<(), ObjectsError> {
        O::put_piece(self, object, n, bytes).await
    }

    async fn piece(&self, object: &ObjectId, n: u64) -> Result<Option<Vec<u8>>, ObjectsError> {
        O::piece(self, object, n).await
    }

    async fn put_digests(&self, object: &ObjectId, digests: &[u8]) -> Result<(), ObjectsError> {
        O::put_digests(self, object, digests).await
    }

    async fn digests(&self, object: &ObjectId) -> Result<Option<Vec<u8>>, ObjectsError> {
        O::digests(self, object).await
    }

    async fn delete(&self, object: &ObjectId, pieces: u64) -> Result<(), ObjectsError> {
        O::delete(self, object, pieces).await
    }
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

/// The embedded object store: each piece one value, so that a gateway needs nothing else.
///
/// Keys are `image:<object>:<n>` and `image:<object>:digests`.
#[derive(Clone, Copy)]
pub struct KvObjects<'a>(pub &'a dyn Kv);

impl Objects for KvObjects<'_> {
    async fn put_piece(&self, object: &ObjectId, n: u64, bytes: &[u8]) -> Result<(), ObjectsError> {
        Ok(self.0.set(&piece_key(object, n), bytes)?)
    }

    async fn piece(&self, object: &ObjectId, n: u64) -> Result<Option<Vec<u8>>, ObjectsError> {
        Ok(self.0.get(&piece_key(object, n))?)
    }

    async fn put_digests(&self, object: &ObjectId, digests: &[u8]) -> Result<(), ObjectsError> {
        Ok(self.0.set(&digests_key(object), digests)?)
    }

    async fn digests(&self, object: &ObjectId) -> Result<Option<Vec<u8>>, ObjectsError> {
        Ok(self.0.get(&digests_key(object))?)
    }

    async fn delete(&self, object: &ObjectId, pieces: u64) -> Result<(), ObjectsError> {
        self.0.delete(&digests_key(object))?;
        for n in 0..pieces {
            self.0.delete(&piece_key(object, n))?;
        }
        Ok(())
    }
}

fn piece_key(object: &ObjectId, n: u64) -> String {
    format!("image:{object}:{n}")
}

fn digests_key(object: &ObjectId) -> String {
    format!("image:{object}:digests")
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::kv::MemoryKv;

    #[test]
    fn only_32_lower_case_hex_digits_name_an_object() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(ObjectId::parse(digits).is_ok());
        for text in ["", &digits[1..], &digits.to_uppercase(), &"g".repeat(32)] {
            assert_eq!(ObjectId::parse(text), Err(ObjectIdError), "{text}");
        }
    }

    #[test]
    fn an_object_lives_under_its_own_keys_and_is_deleted_whole() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let (ours, other) = (ObjectId::from_random([1; 16]), ObjectId::from_random([2; 16]));
        block_on(async {
            objects.put_piece(&ours, 0, b"a").await?;
            objects.put_piece(&ours, 1, b"b").await?;
            objects.put_digests(&ours, b"d").await?;
            objects.put_piece(&other, 0, b"o").await?;
            assert_eq!(objects.piece(&ours, 1).await?, Some(b"b".to_vec()));
            assert_eq!(objects.digests(&ours).await?, Some(b"d".to_vec()));
            assert!(kv.exists(&format!("image:{ours}:1"))?);
            objects.delete(&ours, 2).await
        })
        .unwrap();
        assert_eq!(kv.0.borrow().keys().cloned().collect::<Vec<_>>(), [format!("image:{other}:0")]);
    }
}
