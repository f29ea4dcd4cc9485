//! Taking a firmware in: hashed on the way, one part in memory, whatever its size; to be gone on with by whoever has
//! its state.

use crate::image::Stored;
use crate::layout::BLOCK;
use crate::objects::{Objects, ObjectsError, Writing};
use crate::state::Sums;

/// A firmware on its way into a store.
///
/// Bytes may come in chunks of any size. Nothing reads the object before [`Upload::finish`] told its root, so whatever
/// breaks off leaves bytes that no one refers to.
pub struct Upload<'o> {
    objects: &'o dyn Objects,
    writing: Writing,
    part_len: usize,
    limit: u64,
    /// Of what is stored.
    sums: Sums,
    /// Parts that are stored.
    parts: u64,
    /// What came behind them.
    part: Vec<u8>,
}

/// Why a firmware was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Not a single byte came.
    #[error("firmware is empty")]
    Empty,
    /// More bytes came than may.
    #[error("firmware is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ObjectsError),
}

impl<'o> Upload<'o> {
    /// Goes on where `sums` are: at the begin, or behind some parts of `part_len` bytes. `limit` is the most bytes that
    /// may come.
    pub fn new(objects: &'o dyn Objects, writing: Writing, sums: Sums, part_len: usize, limit: u64) -> Self {
        let part_len = part_len.max(BLOCK);
        let parts = sums.size().div_ceil(part_len as u64);
        Self { objects, writing, part_len, limit, sums, parts, part: Vec::new() }
    }

    /// Takes bytes up to the end of a part. `Some` with those that are left when it stored one: time to note
    /// [`Upload::sums`].
    pub fn push<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, UploadError> {
        if self.came() + bytes.len() as u64 > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        let room = self.part_len.saturating_sub(self.part.len());
        let (taken, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.part.extend_from_slice(taken);
        if self.part.len() < self.part_len {
            return Ok(None);
        }
        self.store()?;
        Ok(Some(rest))
    }

    /// Stores what came behind the last whole part: nothing may come any more.
    pub fn close(&mut self) -> Result<(), UploadError> {
        if !self.part.is_empty() {
            self.store()?;
        }
        Ok(())
    }

    /// Whether so many bytes more make [`Upload::push`] store a part.
    pub fn will_store(&self, bytes: usize) -> bool {
        self.part.len().saturating_add(bytes) >= self.part_len
    }

    /// How many bytes came.
    pub fn came(&self) -> u64 {
        self.sums.size() + self.part.len() as u64
    }

    /// Digests of what is stored.
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Makes one object of what is stored, and proves it. To be repeated when nobody heard whether it did.
    pub fn finish(self) -> Result<Stored, UploadError> {
        if self.sums.size() == 0 {
            return Err(UploadError::Empty);
        }
        self.objects.complete(&self.writing, self.parts)?;
        Ok(self.sums.finish(self.objects, self.writing.object)?)
    }

    fn store(&mut self) -> Result<(), UploadError> {
        self.objects.put_part(&self.writing, self.parts, &self.part)?;
        self.sums.take(self.objects, &self.writing.object, &self.part)?;
        self.parts += 1;
        self.part.clear();
        Ok(())
    }
}
