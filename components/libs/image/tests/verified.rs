//! A reader yields the bytes that were uploaded, or an error; never anything else.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of a test may fail the test")]

use ota_image::kv::{Kv, KvError, MemoryKv};
use ota_image::{
    BLOCK, ByteRange, Damage, Image, KvObjects, ObjectId, Objects as _, PIECE, ReadError, Reader, Store,
    Sums, Upload,
};
use proptest::prelude::*;

#[test]
fn a_reader_holds_one_piece_and_reads_each_once() {
    let bytes = sample(2 * PIECE + 10);
    let kv = Counting::default();
    let image = stored(&kv, &bytes, usize::MAX);
    kv.reads.set(0);
    let range = ByteRange::whole(image.size).unwrap();
    let reader = Reader::open(Box::new(KvObjects(&kv)), &image, range).unwrap();
    assert_eq!(kv.reads.get(), 2, "the digests and the first piece");
    let mut lengths = Vec::new();
    for piece in reader {
        lengths.push(piece.unwrap().len());
    }
    assert_eq!(lengths, [PIECE, PIECE, 10]);
    assert_eq!(kv.reads.get(), 4);
}

#[test]
fn damage_is_told_with_its_block() {
    let bytes = sample(PIECE + 3 * BLOCK);
    let damaged = |alter: &dyn Fn(&MemoryKv)| {
        let kv = MemoryKv::default();
        let image = stored(&kv, &bytes, usize::MAX);
        alter(&kv);
        match read(&kv, &image, ByteRange::whole(image.size).unwrap()) {
            (yielded, Some(ReadError::Damaged { block, damage, .. })) => {
                assert!(bytes.starts_with(&yielded));
                (yielded.len(), block, damage)
            }
            other => panic!("not damaged: {other:?}"),
        }
    };
    let key = |part: &str| format!("image:{}:{part}", object());

    assert_eq!(damaged(&|kv| kv.delete(&key("1")).unwrap()), (PIECE, 4, Damage::NoBytes));
    assert_eq!(
        damaged(&|kv| alter(kv, &key("1"), |piece| piece.truncate(2 * BLOCK))),
        (PIECE, 4, Damage::WrongLength { expected: 3 * BLOCK as u64, found: 2 * BLOCK as u64 })
    );
    assert_eq!(
        damaged(&|kv| alter(kv, &key("1"), |piece| piece.push(0))).2,
        Damage::WrongLength { expected: 3 * BLOCK as u64, found: 3 * BLOCK as u64 + 1 }
    );
    assert_eq!(
        damaged(&|kv| alter(kv, &key("1"), |piece| piece[BLOCK] ^= 1)),
        (PIECE, 5, Damage::WrongBytes)
    );
    assert_eq!(damaged(&|kv| kv.delete(&key("digests")).unwrap()), (0, 0, Damage::NoDigests));
    assert_eq!(
        damaged(&|kv| alter(kv, &key("digests"), |list| list.truncate(32))),
        (0, 0, Damage::WrongDigests)
    );
    assert_eq!(damaged(&|kv| alter(kv, &key("digests"), |list| list.push(0))), (0, 0, Damage::WrongDigests));
}

#[test]
fn pieces_and_digests_of_another_firmware_are_refused() {
    let kv = MemoryKv::default();
    let ours = stored(&kv, &sample(PIECE), usize::MAX);
    let mine = kv.0.take();
    stored(&kv, &sample(PIECE + 1)[1..], usize::MAX);
    let theirs = kv.0.take();

    kv.0.replace(theirs.clone());
    let (yielded, error) = read(&kv, &ours, ByteRange::whole(ours.size).unwrap());
    assert!(yielded.is_empty());
    assert!(error.is_some());

    kv.0.replace(mine);
    let piece = format!("image:{}:0", object());
    kv.set(&piece, &theirs[&piece]).unwrap();
    let (yielded, error) = read(&kv, &ours, ByteRange::whole(ours.size).unwrap());
    assert!(yielded.is_empty());
    assert!(error.is_some());
}

#[test]
fn damage_outside_the_range_does_not_matter_to_it() {
    let bytes = sample(PIECE);
    let kv = MemoryKv::default();
    let image = stored(&kv, &bytes, usize::MAX);
    alter(&kv, &format!("image:{}:0", object()), |piece| piece[0] ^= 1);
    let range = ByteRange::new(BLOCK as u64, 2 * BLOCK as u64, image.size).unwrap();
    let (yielded, error) = read(&kv, &image, range);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(yielded, bytes[BLOCK..=2 * BLOCK]);
}

#[test]
fn a_failing_store_is_no_damage() {
    struct Failing;
    impl Kv for Failing {
        fn get(&self, _: &str) -> Result<Option<Vec<u8>>, KvError> {
            Err(KvError("gone".to_owned()))
        }
        fn set(&self, _: &str, _: &[u8]) -> Result<(), KvError> {
            Err(KvError("gone".to_owned()))
        }
        fn delete(&self, _: &str) -> Result<(), KvError> {
            Err(KvError("gone".to_owned()))
        }
        fn exists(&self, _: &str) -> Result<bool, KvError> {
            Err(KvError("gone".to_owned()))
        }
    }
    let image = stored(&MemoryKv::default(), b"firmware", usize::MAX);
    let (yielded, error) = read(&Failing, &image, ByteRange::whole(8).unwrap());
    assert!(yielded.is_empty());
    assert!(matches!(error, Some(ReadError::Store(_))), "{error:?}");
}

#[test]
fn every_flipped_bit_of_a_small_firmware_is_found() {
    let kv = MemoryKv::default();
    let image = stored(&kv, &sample(300), usize::MAX);
    let sound = kv.0.borrow().clone();
    for (key, value) in &sound {
        for bit in 0..value.len() * 8 {
            alter(&kv, key, |value| value[bit / 8] ^= 1 << (bit % 8));
            let (yielded, error) = read(&kv, &image, ByteRange::whole(image.size).unwrap());
            assert!(yielded.is_empty(), "{key} bit {bit}");
            assert!(matches!(error, Some(ReadError::Damaged { .. })));
            kv.set(key, value).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range_of_any_upload_is_the_slice_of_the_original(
        size in size(),
        chunk in 1_usize..100_000,
        ends in (any::<u64>(), any::<u64>()),
    ) {
        let bytes = sample(size);
        let kv = MemoryKv::default();
        let image = stored(&kv, &bytes, chunk);
        let range = range(&image, ends);
        let (yielded, error) = read(&kv, &image, range);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert!(yielded == slice(&bytes, range));
    }

    #[test]
    fn a_flipped_byte_anywhere_in_the_store_is_never_yielded(
        size in size(),
        ends in (any::<u64>(), any::<u64>()),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let bytes = sample(size);
        let kv = MemoryKv::default();
        let image = stored(&kv, &bytes, usize::MAX);
        let mut at = place.index(kv.0.borrow().values().map(Vec::len).sum());
        for value in kv.0.borrow_mut().values_mut() {
            if let Some(byte) = value.get_mut(at) {
                *byte ^= flip;
                break;
            }
            at -= value.len();
        }
        let range = range(&image, ends);
        let (yielded, error) = read(&kv, &image, range);
        let expected = slice(&bytes, range);
        match error {
            None => prop_assert!(yielded == expected),
            Some(_) => prop_assert!(yielded.len() < expected.len() && expected.starts_with(&yielded)),
        }
    }
}

/// Sizes around the ends of blocks and pieces, and any other.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        1_usize..2 * BLOCK,
        (1_usize..10, 0_usize..3).prop_map(|(blocks, off)| blocks * BLOCK + off - 1),
        1_usize..3 * PIECE,
    ]
}

fn range(image: &Image, (a, b): (u64, u64)) -> ByteRange {
    let (a, b) = (a % image.size, b % image.size);
    ByteRange::new(a.min(b), a.max(b), image.size).unwrap()
}

fn slice(bytes: &[u8], range: ByteRange) -> &[u8] {
    let at = |byte: u64| usize::try_from(byte).unwrap();
    &bytes[at(range.first())..=at(range.last())]
}

/// Bytes that differ from block to block and do not repeat with their size.
fn sample(size: usize) -> Vec<u8> {
    (0..size).map(|n| ((n * 31) ^ (n >> 8) ^ (n >> 16)).to_le_bytes()[0]).collect()
}

fn object() -> ObjectId {
    ObjectId::from_random([9; 16])
}

fn stored(kv: &dyn Kv, bytes: &[u8], chunk: usize) -> Image {
    let objects = KvObjects(kv);
    let writing = objects.begin(&object()).unwrap();
    let limit = objects.limit();
    let mut upload = Upload::new(&objects, writing, Sums::default(), objects.part_len(None), limit);
    for mut chunk in bytes.chunks(chunk) {
        while let Some(rest) = upload.push(chunk).unwrap() {
            chunk = rest;
        }
    }
    upload.close().unwrap();
    let stored = upload.finish().unwrap();
    assert_eq!(stored.size, bytes.len() as u64);
    Image {
        store: Store::Kv,
        object: stored.object,
        size: stored.size,
        sha256: stored.sha256,
        blocks_root: stored.blocks_root,
    }
}

/// All that a reader yields, and the error it ends with.
fn read(kv: &dyn Kv, image: &Image, range: ByteRange) -> (Vec<u8>, Option<ReadError>) {
    let mut reader = match Reader::open(Box::new(KvObjects(kv)), image, range) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut yielded = Vec::new();
    while let Some(piece) = reader.next() {
        match piece {
            Ok(piece) => yielded.extend(piece),
            Err(error) => {
                assert!(reader.next().is_none(), "it goes on after an error");
                return (yielded, Some(error));
            }
        }
    }
    (yielded, None)
}

fn alter(kv: &MemoryKv, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    change(kv.0.borrow_mut().get_mut(key).unwrap());
}

#[derive(Default)]
struct Counting {
    inner: MemoryKv,
    reads: std::cell::Cell<u32>,
}

impl Kv for Counting {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.reads.set(self.reads.get() + 1);
        self.inner.get(key)
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.inner.set(key, value)
    }
    fn delete(&self, key: &str) -> Result<(), KvError> {
        self.inner.delete(key)
    }
    fn exists(&self, key: &str) -> Result<bool, KvError> {
        self.inner.exists(key)
    }
}
