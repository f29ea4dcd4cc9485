//! Giving a firmware out: no byte leaves before its block was verified.

use crate::digest::{BlockDigest, BlocksRoot, Sha256};
use crate::layout::{self, BLOCK, BLOCKS_PER_PIECE, PIECE};
use crate::objects::{ObjectId, Objects, ObjectsError};
use crate::range::ByteRange;

/// A stored firmware, as the ledger knows it: what a download needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where its bytes are.
    pub object: ObjectId,
    /// In bytes.
    pub size: u64,
    /// Its identity.
    pub sha256: Sha256,
    /// What proves its blocks.
    pub blocks_root: BlocksRoot,
}

/// Verified bytes of one range, piece by piece.
///
/// It has at most one piece in memory and reads each once. After an error it yields nothing more.
pub struct Reader<O> {
    objects: O,
    object: ObjectId,
    size: u64,
    digests: Vec<BlockDigest>,
    /// The first byte not yet yielded.
    position: u64,
    /// The last byte to yield.
    last: u64,
    /// Verified and not yet yielded: the first piece, read when the reader was opened.
    ahead: Option<Vec<u8>>,
    is_failed: bool,
}

/// Why there are no bytes.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store has not what the ledger says: the firmware must not be offered.
    #[error("object {object} is damaged at block {block}: {damage}")]
    Damaged {
        /// The object that is damaged.
        object: ObjectId,
        /// The first block (from 0) that could not be verified.
        block: u64,
        /// How it is damaged.
        damage: Damage,
    },
    /// The store failed; the firmware may be sound.
    #[error(transparent)]
    Store(#[from] ObjectsError),
}

/// How a stored firmware differs from what the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The list of block digests is not there.
    #[error("no digests are stored")]
    NoDigests,
    /// The list of block digests does not give the root in the ledger.
    #[error("the digests do not give the root in the ledger")]
    WrongDigests,
    /// The piece with this block is not there.
    #[error("its piece is missing")]
    NoPiece,
    /// The piece with this block has another length than it was written with.
    #[error("its piece has {found} bytes instead of {expected}")]
    WrongLength {
        /// Bytes it was written with.
        expected: usize,
        /// Bytes it has.
        found: usize,
    },
    /// The block's bytes do not give its digest.
    #[error("its bytes do not give its digest")]
    WrongBytes,
}

impl<O: Objects> Reader<O> {
    /// Opens `range` of `image`: loads the digests, verifies them against the root, then reads and
    /// verifies the first piece of the range. A reader that is open has its first bytes at hand,
    /// so whoever has one may promise them.
    pub async fn open(objects: O, image: &Image, range: ByteRange) -> Result<Self, ReadError> {
        let mut reader = Self {
            objects,
            object: image.object.clone(),
            size: image.size,
            digests: Vec::new(),
            position: range.first(),
            last: range.last(),
            ahead: None,
            is_failed: false,
        };
        let first_block = range.first() / BLOCK as u64;
        let list = reader
            .objects
            .digests(&image.object)
            .await?
            .ok_or_else(|| reader.damaged(first_block, Damage::NoDigests))?;
        reader.digests =
            proven(&list, image).ok_or_else(|| reader.damaged(first_block, Damage::WrongDigests))?;
        reader.ahead = Some(reader.read().await?);
        Ok(reader)
    }

    /// The next verified bytes of the range, at most a piece; `None` at its end.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, ReadError>> {
        if self.is_failed || self.position > self.last {
            return None;
        }
        let bytes = match self.ahead.take() {
            Some(bytes) => Ok(bytes),
            None => self.read().await,
        };
        match &bytes {
            Ok(bytes) => self.position += bytes.len() as u64,
            Err(_) => self.is_failed = true,
        }
        Some(bytes)
    }

    /// Reads the piece at the position, verifies the blocks that the range needs of it, and cuts
    /// it to the range. Never empty.
    async fn read(&self) -> Result<Vec<u8>, ReadError> {
        let n = self.position / PIECE as u64;
        let start = n * PIECE as u64;
        let offset = |byte: u64| usize::try_from(byte - start).unwrap_or(PIECE).min(PIECE - 1);
        let (from, to) = (offset(self.position), offset(self.last));
        let first_block = n * BLOCKS_PER_PIECE as u64 + (from / BLOCK) as u64;

        let mut piece = self
            .objects
            .piece(&self.object, n)
            .await?
            .ok_or_else(|| self.damaged(first_block, Damage::NoPiece))?;
        let (expected, found) = (layout::piece_len(self.size, n), piece.len());
        if found != expected || to >= found {
            return Err(self.damaged(first_block, Damage::WrongLength { expected, found }));
        }
        let needed = from / BLOCK..=to / BLOCK;
        for (block, bytes) in piece.chunks(BLOCK).enumerate() {
            let number = n * BLOCKS_PER_PIECE as u64 + block as u64;
            if needed.contains(&block) && self.digest(number) != Some(BlockDigest::of(bytes)) {
                return Err(self.damaged(number, Damage::WrongBytes));
            }
        }
        piece.truncate(to + 1);
        piece.drain(..from);
        Ok(piece)
    }

    fn digest(&self, block: u64) -> Option<BlockDigest> {
        let block = usize::try_from(block).ok()?;
        self.digests.get(block).copied()
    }

    fn damaged(&self, block: u64, damage: Damage) -> ReadError {
        ReadError::Damaged { object: self.object.clone(), block, damage }
    }
}

/// The digests in `list`, if they are those of `image`.
fn proven(list: &[u8], image: &Image) -> Option<Vec<BlockDigest>> {
    let (digests, []) = list.as_chunks::<32>() else {
        return None;
    };
    if digests.len() as u64 != layout::blocks(image.size) {
        return None;
    }
    let digests: Vec<_> = digests.iter().copied().map(BlockDigest::from).collect();
    (BlocksRoot::of(image.size, &digests) == image.blocks_root).then_some(digests)
}
