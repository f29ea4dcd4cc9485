//! Taking a firmware in: hashed on the way, one piece in memory, whatever its size.

use md5::Digest as _;

use crate::digest::{BlockDigest, BlocksRoot, Md5, Sha256};
use crate::layout::{BLOCK, LIMIT, PIECE};
use crate::objects::{ObjectId, Objects, ObjectsError};

/// A firmware on its way into a store.
///
/// Bytes may come in chunks of any size. Nothing reads the object before [`Upload::finish`] told its root,
/// so an upload that breaks off leaves pieces that no one refers to: [`Upload::abort`] deletes them.
pub struct Upload<'a, O> {
    objects: &'a O,
    object: ObjectId,
    limit: u64,
    size: u64,
    md5: md5::Md5,
    sha256: sha2::Sha256,
    digests: Vec<BlockDigest>,
    piece: Vec<u8>,
    pieces: u64,
}

/// A firmware that is stored whole, and what proves each of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub object: ObjectId,
    /// In bytes; at least 1.
    pub size: u64,
    /// MD5 of the whole.
    pub md5: Md5,
    /// SHA-256 of the whole.
    pub sha256: Sha256,
    /// The root over the digests of its blocks.
    pub blocks_root: BlocksRoot,
}

/// Why a firmware was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Not a single byte came.
    #[error("firmware is empty")]
    Empty,
    /// More bytes came than the store keeps.
    #[error("firmware is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ObjectsError),
}

impl<'a, O: Objects> Upload<'a, O> {
    /// Begins an upload into the new `object`, of at most [`LIMIT`] bytes.
    pub fn new(objects: &'a O, object: ObjectId) -> Self {
        Self {
            objects,
            object,
            limit: LIMIT,
            size: 0,
            md5: md5::Md5::new(),
            sha256: sha2::Sha256::new(),
            digests: Vec::new(),
            piece: Vec::new(),
            pieces: 0,
        }
    }

    /// The same upload, of at most `limit` bytes.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Takes the next bytes. After an error only [`Upload::abort`] makes sense.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), UploadError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        self.md5.update(bytes);
        self.sha256.update(bytes);
        while !bytes.is_empty() {
            let room = PIECE.saturating_sub(self.piece.len()).min(bytes.len());
            let (taken, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.piece.extend_from_slice(taken);
            bytes = rest;
            if self.piece.len() >= PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Stores what is left and tells what was stored. On an error everything written is deleted,
    /// as far as the store lets it.
    pub async fn finish(mut self) -> Result<Stored, UploadError> {
        match self.conclude().await {
            Ok(stored) => Ok(stored),
            Err(error) => {
                // The first error is the one to report; pieces left behind are referred to by no one.
                let _ = self.abort().await;
                Err(error)
            }
        }
    }

    /// Deletes what was written.
    pub async fn abort(self) -> Result<(), ObjectsError> {
        // A write that failed may still have reached the store: one piece more than was counted.
        self.objects.delete(&self.object, self.pieces + 1).await
    }

    async fn conclude(&mut self) -> Result<Stored, UploadError> {
        if self.size == 0 {
            return Err(UploadError::Empty);
        }
        if self.size > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        if !self.piece.is_empty() {
            self.flush().await?;
        }
        let list: Vec<u8> = self.digests.iter().flat_map(BlockDigest::as_bytes).copied().collect();
        self.objects.put_digests(&self.object, &list).await?;
        Ok(Stored {
            object: self.object.clone(),
            size: self.size,
            md5: Md5::from(<[u8; 16]>::from(self.md5.clone().finalize())),
            sha256: Sha256::from(<[u8; 32]>::from(self.sha256.clone().finalize())),
            blocks_root: BlocksRoot::of(self.size, &self.digests),
        })
    }

    async fn flush(&mut self) -> Result<(), ObjectsError> {
        self.objects.put_piece(&self.object, self.pieces, &self.piece).await?;
        self.digests.extend(self.piece.chunks(BLOCK).map(BlockDigest::of));
        self.pieces += 1;
        self.piece.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::kv::MemoryKv;
    use crate::objects::KvObjects;

    fn object() -> ObjectId {
        ObjectId::from_random([7; 16])
    }

    #[test]
    fn a_full_piece_leaves_memory_as_soon_as_it_is_full() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let mut upload = Upload::new(&objects, object());
        block_on(upload.push(&vec![1; PIECE])).unwrap();
        assert_eq!(kv.0.borrow().len(), 1);
        assert!(upload.piece.is_empty());
        block_on(upload.push(&[2])).unwrap();
        let stored = block_on(upload.finish()).unwrap();
        assert_eq!(stored.size, PIECE as u64 + 1);
        assert_eq!(kv.0.borrow().len(), 3);
    }

    #[test]
    fn digests_are_those_of_the_whole() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let mut upload = Upload::new(&objects, object());
        block_on(upload.push(b"fir")).unwrap();
        block_on(upload.push(b"")).unwrap();
        block_on(upload.push(b"mware")).unwrap();
        let stored = block_on(upload.finish()).unwrap();
        assert_eq!(stored.md5, Md5::of(b"firmware"));
        assert_eq!(stored.sha256, Sha256::of(b"firmware"));
        assert_eq!(stored.blocks_root, BlocksRoot::of(8, &[BlockDigest::of(b"firmware")]));
    }

    #[test]
    fn an_empty_firmware_is_refused_and_leaves_nothing() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let refused = block_on(Upload::new(&objects, object()).finish());
        assert!(matches!(refused, Err(UploadError::Empty)), "{refused:?}");
        assert!(kv.0.borrow().is_empty());
    }

    #[test]
    fn a_byte_past_the_limit_is_refused_and_abort_leaves_nothing() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let limit = PIECE as u64 + 4;
        let mut upload = Upload::new(&objects, object()).with_limit(limit);
        block_on(upload.push(&vec![0; PIECE + 4])).unwrap();
        let refused = block_on(upload.push(&[0])).map_err(|error| error.to_string());
        assert_eq!(refused, Err(format!("firmware is larger than the limit of {limit} bytes")));
        block_on(upload.abort()).unwrap();
        assert!(kv.0.borrow().is_empty());
    }

    #[test]
    fn an_upload_past_the_limit_cannot_be_finished() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let mut upload = Upload::new(&objects, object()).with_limit(1);
        assert!(block_on(upload.push(b"ab")).is_err());
        assert!(matches!(block_on(upload.finish()), Err(UploadError::TooLarge { limit: 1 })));
    }
}
