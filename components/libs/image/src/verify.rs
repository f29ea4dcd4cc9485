//! Taking in a firmware that somebody else brought into the store: read from there, slice by slice.

use crate::layout::PIECE;
use crate::objects::{Chunk, Cursor, ObjectId, Objects, ObjectsError};
use crate::range::ByteRange;
use crate::state::Sums;

/// How far the reading came.
pub enum Verification {
    /// To its end.
    Whole(Sums),
    /// To where time was up; it goes on from there.
    Part(Sums),
    /// The object is not there.
    Missing,
    /// The object has not the length that was declared.
    OtherLength {
        /// Bytes that were declared.
        declared: u64,
        /// Bytes that it has.
        found: u64,
    },
}

/// Reads an object of `size` bytes from where `sums` are, as long as `may_go_on`, and at least one piece.
pub fn verify(
    objects: &dyn Objects,
    object: &ObjectId,
    size: u64,
    mut sums: Sums,
    mut may_go_on: impl FnMut() -> bool,
) -> Result<Verification, ObjectsError> {
    let Some(range) = ByteRange::new(sums.size(), size.saturating_sub(1), size) else {
        return Ok(Verification::Whole(sums));
    };
    let mut cursor = Cursor::new(object, size, range);
    let mut piece = Vec::new();
    while sums.size() < size {
        let left = usize::try_from(size - sums.size()).unwrap_or(usize::MAX).min(PIECE);
        match objects.next(&mut cursor, left - piece.len())? {
            Chunk::Bytes(bytes) => piece.extend(bytes),
            Chunk::Missing => return Ok(Verification::Missing),
            Chunk::OtherLength { found, .. } => {
                return Ok(Verification::OtherLength { declared: size, found });
            }
        }
        if piece.len() == left {
            sums.take(objects, object, &piece)?;
            piece.clear();
            if !may_go_on() && sums.size() < size {
                return Ok(Verification::Part(sums));
            }
        }
    }
    Ok(Verification::Whole(sums))
}
