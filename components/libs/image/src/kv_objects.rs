//! The embedded object store: each piece one value of the key-value store, so that a gateway needs nothing else.

use std::time::Duration;

use crate::kv::Kv;
use crate::layout::{self, PIECE};
use crate::objects::{Chunk, Cursor, ObjectId, Objects, ObjectsError, Proof, Store, Writing};

/// What is stored between two notes of how far an upload is: 4 MiB.
const PART: usize = 16 * PIECE;

/// The embedded object store, of firmware up to [`layout::KV_LIMIT`].
///
/// Keys are `image:<object>:<n>`, a piece each, and `image:<object>:digests`.
#[derive(Clone, Copy)]
pub struct KvObjects<'a>(pub &'a dyn Kv);

impl Objects for KvObjects<'_> {
    fn store(&self) -> Store {
        Store::Kv
    }

    fn limit(&self) -> u64 {
        layout::KV_LIMIT
    }

    fn part_len(&self, _size: Option<u64>) -> usize {
        PART
    }

    fn begin(&self, object: &ObjectId) -> Result<Writing, ObjectsError> {
        Ok(Writing { object: object.clone(), token: String::new() })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn put_part(&self, writing: &Writing, n: u64, bytes: &[u8]) -> Result<(), ObjectsError> {
        let first = n * (PART / PIECE) as u64;
        for (piece, bytes) in (first..).zip(bytes.chunks(PIECE)) {
            self.0.set(&piece_key(&writing.object, piece), bytes)?;
        }
        Ok(())
    }

    fn complete(&self, _writing: &Writing, _parts: u64) -> Result<(), ObjectsError> {
        Ok(())
    }

    fn remove(
        &self,
        writing: &Writing,
        size: u64,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<u64, ObjectsError> {
        self.0.delete(&digests_key(&writing.object))?;
        for n in (0..layout::pieces(size.min(self.limit()))).rev() {
            if !may_go_on() {
                return Ok((n + 1) * PIECE as u64);
            }
            self.0.delete(&piece_key(&writing.object, n))?;
        }
        Ok(0)
    }

    fn put_proof(&self, object: &ObjectId, proof: Proof, bytes: &[u8]) -> Result<(), ObjectsError> {
        match proof {
            Proof::Digests(0) => Ok(self.0.set(&digests_key(object), bytes)?),
            Proof::Digests(_) | Proof::Pages => {
                Err(ObjectsError("the embedded store has one page".to_owned()))
            }
        }
    }

    fn proof(&self, object: &ObjectId, proof: Proof) -> Result<Option<Vec<u8>>, ObjectsError> {
        match proof {
            Proof::Digests(0) => Ok(self.0.get(&digests_key(object))?),
            Proof::Digests(_) | Proof::Pages => Ok(None),
        }
    }

    fn next(&self, cursor: &mut Cursor, most: usize) -> Result<Chunk, ObjectsError> {
        let n = cursor.position / PIECE as u64;
        let Some(mut piece) = self.0.get(&piece_key(&cursor.object, n))? else { return Ok(Chunk::Missing) };
        let (expected, found) = (layout::piece_len(cursor.size, n), piece.len());
        if found != expected {
            return Ok(Chunk::OtherLength { expected: expected as u64, found: found as u64 });
        }
        let from = usize::try_from(cursor.position - n * PIECE as u64).unwrap_or(PIECE).min(found);
        piece.truncate(found.min(from.saturating_add(most)));
        piece.drain(..from);
        cursor.position += piece.len() as u64;
        Ok(Chunk::Bytes(piece))
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
    use std::cell::Cell;

    use super::*;
    use crate::kv::MemoryKv;

    #[test]
    fn an_object_lives_under_its_own_keys_and_is_removed_whole() {
        let kv = MemoryKv::default();
        let objects = KvObjects(&kv);
        let (ours, other) = (ObjectId::from_random([1; 16]), ObjectId::from_random([2; 16]));
        let writing = objects.begin(&ours).unwrap();
        objects.put_part(&writing, 0, &vec![1; PART]).unwrap();
        objects.put_part(&writing, 1, b"end").unwrap();
        objects.put_proof(&ours, Proof::Digests(0), b"d").unwrap();
        objects.put_part(&objects.begin(&other).unwrap(), 0, b"o").unwrap();
        assert!(kv.exists(&format!("image:{ours}:16")).unwrap());
        assert!(kv.exists(&format!("image:{ours}:digests")).unwrap());
        let pieces = Cell::new(0);
        let twice = || pieces.replace(pieces.get() + 1) < 2;
        let left = objects.remove(&writing, PART as u64 + 3, &twice).unwrap();
        assert_eq!(left, 15 * PIECE as u64);
        assert_eq!(objects.remove(&writing, left, &|| true).unwrap(), 0);
        assert_eq!(kv.0.borrow().keys().cloned().collect::<Vec<_>>(), [format!("image:{other}:0")]);
    }
}
