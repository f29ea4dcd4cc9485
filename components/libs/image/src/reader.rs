//! Giving a firmware out: no byte leaves before its block was verified.

use crate::digest::BlockDigest;
use crate::image::{Damage, Image};
use crate::layout::{BLOCK, PIECE};
use crate::objects::{Chunk, Cursor, ObjectId, Objects, ObjectsError};
use crate::proof::{Digests, NoDigest};
use crate::range::ByteRange;

/// Verified bytes of one range, piece by piece.
///
/// It has at most one piece and one page of digests in memory and reads each once. After an error it yields nothing
/// more.
pub struct Reader<'o> {
    objects: Box<dyn Objects + 'o>,
    image: Image,
    digests: Digests,
    /// Where the next blocks are: at the begin of one.
    cursor: Cursor,
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

impl<'o> Reader<'o> {
    /// Opens `range` of `image`: loads the digests, verifies them against the root, then reads and verifies the first
    /// piece of the range. A reader that is open has its first bytes at hand, so whoever has one may promise them.
    pub fn open(objects: Box<dyn Objects + 'o>, image: &Image, range: ByteRange) -> Result<Self, ReadError> {
        let first_block = range.first() / BLOCK as u64;
        let digests = Digests::open(&*objects, image, first_block)
            .map_err(|reason| unproven(&image.object, first_block, reason))?;
        let mut reader = Self {
            cursor: Cursor::new(&image.object, image.size, whole_blocks(range, image.size)),
            objects,
            image: image.clone(),
            digests,
            position: range.first(),
            last: range.last(),
            ahead: None,
            is_failed: false,
        };
        reader.ahead = Some(reader.read()?);
        Ok(reader)
    }

    /// Reads the blocks at the position up to the end of their piece, verifies them, and cuts them to the range.
    /// Never empty. Bytes that are wrong are read again: only what is wrong twice is so in the store, and not on its way.
    fn read(&mut self) -> Result<Vec<u8>, ReadError> {
        let start = self.cursor.position;
        match self.read_from(start) {
            Err(ReadError::Damaged { damage: Damage::WrongBytes, .. }) => {
                (self.cursor.position, self.cursor.incoming) = (start, None);
                self.read_from(start)
            }
            read => read,
        }
    }

    fn read_from(&mut self, start: u64) -> Result<Vec<u8>, ReadError> {
        let piece_end = (start / PIECE as u64 + 1) * PIECE as u64;
        let end = piece_end.min(self.cursor.last + 1);
        let mut bytes = self.blocks(start, end)?;
        for (block, bytes) in (start / BLOCK as u64..).zip(bytes.chunks(BLOCK)) {
            let digest = self.digests.of(&*self.objects, &self.image, block);
            if digest.map_err(|reason| unproven(&self.image.object, block, reason))? != BlockDigest::of(bytes)
            {
                return Err(damaged(&self.image.object, block, Damage::WrongBytes));
            }
        }
        let within = |byte: u64| usize::try_from(byte - start).unwrap_or(PIECE);
        bytes.truncate(within(self.last.min(end - 1)) + 1);
        bytes.drain(..within(self.position));
        Ok(bytes)
    }

    /// The bytes from `start` to before `end`, as the store has them.
    fn blocks(&mut self, start: u64, end: u64) -> Result<Vec<u8>, ReadError> {
        let wanted = usize::try_from(end - start).unwrap_or(PIECE);
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let block = (start + bytes.len() as u64) / BLOCK as u64;
            let damage = match self.objects.next(&mut self.cursor, wanted - bytes.len())? {
                // Most often all of it: then nothing is copied.
                Chunk::Bytes(chunk) if bytes.is_empty() => {
                    bytes = chunk;
                    continue;
                }
                Chunk::Bytes(chunk) => {
                    bytes.reserve_exact(wanted - bytes.len());
                    bytes.extend(chunk);
                    continue;
                }
                Chunk::Missing => Damage::NoBytes,
                Chunk::OtherLength { expected, found } => Damage::WrongLength { expected, found },
            };
            return Err(damaged(&self.image.object, block, damage));
        }
        Ok(bytes)
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Vec<u8>, ReadError>;

    /// The next verified bytes of the range, at most a piece; `None` at its end.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_failed || self.position > self.last {
            return None;
        }
        let bytes = match self.ahead.take() {
            Some(bytes) => Ok(bytes),
            None => self.read(),
        };
        match &bytes {
            Ok(bytes) => self.position += bytes.len() as u64,
            Err(_) => self.is_failed = true,
        }
        Some(bytes)
    }
}

/// The blocks that a range touches.
fn whole_blocks(range: ByteRange, size: u64) -> ByteRange {
    let block = BLOCK as u64;
    let end = (range.last() / block + 1).saturating_mul(block).min(size);
    ByteRange::new(range.first() / block * block, end.saturating_sub(1), size).unwrap_or(range)
}

fn unproven(object: &ObjectId, block: u64, reason: NoDigest) -> ReadError {
    match reason {
        NoDigest::Damaged(damage) => damaged(object, block, damage),
        NoDigest::Store(error) => ReadError::Store(error),
    }
}

fn damaged(object: &ObjectId, block: u64, damage: Damage) -> ReadError {
    ReadError::Damaged { object: object.clone(), block, damage }
}
