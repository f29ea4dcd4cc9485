//! Firmware of more than one page of digests: over a store that keeps any size, since the embedded one has one page.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ota_image::layout::PAGE;
use ota_image::objects::{Chunk, Cursor, Proof, Writing};
use ota_image::{
    BLOCK, ByteRange, Damage, Image, ObjectId, Objects, ObjectsError, PIECE, ReadError, Reader, Store,
    Stored, Sums, Upload, Verification, verify,
};

/// Two whole pages, and a bit of a third.
const SIZE: u64 = 2 * PAGE + BLOCK as u64 + 7;
const PART: usize = 8 * 1024 * 1024;

#[test]
fn any_page_proves_its_own_range() {
    let store = Memory::default();
    let image = image(&store.upload(SIZE));
    for (first, last) in
        [(0, 10), (PAGE - 1, PAGE), (PAGE, PAGE + 5), (2 * PAGE - 3, SIZE - 1), (SIZE - 1, SIZE - 1)]
    {
        let range = ByteRange::new(first, last, SIZE).unwrap();
        store.asked.borrow_mut().clear();
        assert_eq!(store.read(&image, range).unwrap(), bytes(first, last + 1), "{first}-{last}");
        let pages = last / PAGE - first / PAGE + 1;
        assert_eq!(store.asked.borrow().len() as u64, 1 + pages, "the list of pages, and those of the range");
    }
}

#[test]
fn bytes_that_are_altered_on_their_way_are_read_again_and_those_that_are_wrong_twice_are_damage() {
    let store = Memory::default();
    let size = 2 * PIECE as u64;
    let image = image(&store.upload(size));
    let range = ByteRange::whole(size).unwrap();
    store.altered.replace(1);
    assert_eq!(store.read(&image, range).unwrap(), bytes(0, size));
    store.altered.replace(6);
    match store.read(&image, range) {
        Err(ReadError::Damaged { damage, block: 0, .. }) => assert_eq!(damage, Damage::WrongBytes),
        other => panic!("not damaged: {other:?}"),
    }
}

#[test]
fn a_page_that_is_altered_swapped_or_gone_is_damage() {
    let store = Memory::default();
    let image = image(&store.upload(SIZE));
    let sound = store.proofs.borrow().clone();
    let middle = ByteRange::new(PAGE, PAGE + 9, SIZE).unwrap();
    let alter =
        |name: &str, alter: &dyn Fn(&mut Vec<u8>)| alter(store.proofs.borrow_mut().get_mut(name).unwrap());
    let damage = || match store.read(&image, middle) {
        Err(ReadError::Damaged { damage, .. }) => damage,
        other => panic!("not damaged: {other:?}"),
    };

    alter("Digests(1)", &|list| *list.first_mut().unwrap() ^= 1);
    assert_eq!(damage(), Damage::WrongDigests);
    let first = sound.get("Digests(0)").unwrap().clone();
    alter("Digests(1)", &|list| list.clone_from(&first));
    assert_eq!(damage(), Damage::WrongDigests);
    store.proofs.borrow_mut().remove("Digests(1)");
    assert_eq!(damage(), Damage::NoDigests);

    store.proofs.replace(sound.clone());
    alter("Pages", &|list| *list.last_mut().unwrap() ^= 1);
    assert_eq!(damage(), Damage::WrongDigests);
    alter("Pages", &|list| list.truncate(32));
    assert_eq!(damage(), Damage::WrongDigests);
    store.proofs.borrow_mut().remove("Pages");
    assert_eq!(damage(), Damage::NoDigests);

    // What is wrong elsewhere does not matter to this range.
    store.proofs.replace(sound);
    store.proofs.borrow_mut().remove("Digests(0)");
    assert_eq!(store.read(&image, middle).unwrap(), bytes(PAGE, PAGE + 10));
}

#[test]
fn one_full_page_is_proven_by_its_blocks_and_one_byte_more_by_pages() {
    for (size, proofs) in [(PAGE, 1), (PAGE + 1, 3)] {
        let store = Memory::default();
        let image = image(&store.upload(size));
        assert_eq!(store.proofs.borrow().len(), proofs, "{size}");
        let range = ByteRange::new(size - 1, size - 1, size).unwrap();
        assert_eq!(store.read(&image, range).unwrap(), bytes(size - 1, size));
    }
}

#[test]
fn an_upload_goes_on_from_its_state_wherever_it_broke_off() {
    let whole = Memory::default().upload(SIZE);
    let store = Memory::default();
    let mut state = Sums::default().write();
    for breaks_at in [PART as u64 - 1, PART as u64, PAGE + 3, 2 * PAGE, SIZE] {
        let sums = Sums::read(&state).unwrap();
        let from = sums.size();
        let mut upload = store.going_on(sums);
        let came = bytes(from, breaks_at);
        let mut left = came.as_slice();
        while let Some(rest) = upload.push(left).unwrap() {
            left = rest;
            state = upload.sums().write();
        }
        assert_eq!(Sums::read(&state).unwrap().size(), breaks_at / PART as u64 * PART as u64);
    }
    let sums = Sums::read(&state).unwrap();
    let from = sums.size();
    let mut upload = store.going_on(sums);
    assert!(upload.push(&bytes(from, SIZE)).unwrap().is_none());
    upload.close().unwrap();
    let again = store.going_on(Sums::read(&upload.sums().write()).unwrap());
    assert_eq!(upload.finish().unwrap(), whole);
    assert_eq!(again.finish().unwrap(), whole, "nobody heard the first answer");
}

#[test]
fn what_was_brought_into_the_store_is_verified_in_slices_to_the_same_end() {
    let store = Memory::default();
    let whole = store.upload(SIZE);
    store.proofs.borrow_mut().clear();
    let (mut state, mut slices) = (Sums::default().write(), 0);
    let sums = loop {
        slices += 1;
        let mut pieces = 0;
        let sums = Sums::read(&state).unwrap();
        match verify(&store, &whole.object, SIZE, sums, || {
            pieces += 1;
            pieces < 100
        }) {
            Ok(Verification::Part(sums)) => state = sums.write(),
            Ok(Verification::Whole(sums)) => break sums,
            _ => panic!("the object is there"),
        }
    };
    assert_eq!(slices, SIZE.div_ceil(100 * PIECE as u64));
    assert_eq!(sums.finish(&store, whole.object.clone()).unwrap(), whole);
    let range = ByteRange::new(PAGE - 5, PAGE + 5, SIZE).unwrap();
    assert_eq!(store.read(&image(&whole), range).unwrap(), bytes(PAGE - 5, PAGE + 6));
}

#[test]
fn what_was_not_brought_or_in_another_length_is_told() {
    let store = Memory::default();
    let object = ObjectId::from_random([1; 16]);
    let missing = verify(&store, &object, 5, Sums::default(), || true);
    assert!(matches!(missing, Ok(Verification::Missing)));
    let stored = store.upload(9);
    let other = verify(&store, &stored.object, 5, Sums::default(), || true);
    assert!(matches!(other, Ok(Verification::OtherLength { declared: 5, found: 9 })));
}

#[test]
fn a_state_that_was_altered_is_none() {
    let text = Sums::default().write();
    assert!(Sums::read(&text).is_ok());
    for wrong in ["", "1", "2.0", &text.replace("1.", "2."), &text[..text.len() - 3], &format!("{text}.00")] {
        assert!(Sums::read(wrong).is_err(), "{wrong}");
    }
    assert!(Sums::read(&format!("{text}ab")).is_err());
}

/// The bytes of a firmware from `first` to before `end`: runs of 1 KiB, which differ.
fn bytes(first: u64, end: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = first;
    while at < end {
        let run = at / 1024;
        at = end.min((run + 1) * 1024);
        let byte = (run ^ (run >> 8) ^ (run >> 16)).to_le_bytes()[0];
        bytes.resize(usize::try_from(at - first).unwrap(), byte);
    }
    bytes
}

fn image(stored: &Stored) -> Image {
    Image {
        store: stored.store,
        object: stored.object.clone(),
        size: stored.size,
        sha256: stored.sha256,
        blocks_root: stored.blocks_root,
    }
}

/// A store in memory that keeps no bytes: those of a firmware are made when they are read.
#[derive(Default, Clone)]
struct Memory {
    size: Rc<RefCell<u64>>,
    proofs: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    /// So many of the next chunks come with a wrong byte.
    altered: Rc<RefCell<u32>>,
    /// The proofs that were read.
    asked: Rc<RefCell<Vec<String>>>,
}

impl Memory {
    fn upload(&self, size: u64) -> Stored {
        let mut upload = self.going_on(Sums::default());
        let mut from = 0;
        while from < size {
            let end = size.min(from + 3_000_000);
            let came = bytes(from, end);
            let mut left = came.as_slice();
            while let Some(rest) = upload.push(left).unwrap() {
                left = rest;
            }
            from = end;
        }
        upload.close().unwrap();
        upload.finish().unwrap()
    }

    fn going_on(&self, sums: Sums) -> Upload<'_> {
        let writing = self.begin(&ObjectId::from_random([3; 16])).unwrap();
        Upload::new(self, writing, sums, PART, u64::MAX)
    }

    fn read(&self, image: &Image, range: ByteRange) -> Result<Vec<u8>, ReadError> {
        let reader = Reader::open(Box::new(self.clone()), image, range)?;
        let mut read = Vec::new();
        for piece in reader {
            read.extend(piece?);
        }
        Ok(read)
    }
}

impl Objects for Memory {
    fn store(&self) -> Store {
        Store::S3
    }
    fn limit(&self) -> u64 {
        u64::MAX
    }
    fn part_len(&self, _: Option<u64>) -> usize {
        PART
    }
    fn begin(&self, object: &ObjectId) -> Result<Writing, ObjectsError> {
        Ok(Writing { object: object.clone(), token: "upload".to_owned() })
    }
    fn put_part(&self, _: &Writing, n: u64, bytes: &[u8]) -> Result<(), ObjectsError> {
        assert_eq!(bytes, self::bytes(n * PART as u64, n * PART as u64 + bytes.len() as u64));
        self.size.replace(n * PART as u64 + bytes.len() as u64);
        Ok(())
    }
    fn complete(&self, _: &Writing, parts: u64) -> Result<(), ObjectsError> {
        assert_eq!(parts, self.size.borrow().div_ceil(PART as u64));
        Ok(())
    }
    fn remove(&self, _: &Writing, _: u64, _: &dyn Fn() -> bool) -> Result<u64, ObjectsError> {
        Ok(0)
    }
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
    fn put_proof(&self, _: &ObjectId, proof: Proof, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.proofs.borrow_mut().insert(format!("{proof:?}"), bytes.to_vec());
        Ok(())
    }
    fn proof(&self, _: &ObjectId, proof: Proof) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.asked.borrow_mut().push(format!("{proof:?}"));
        Ok(self.proofs.borrow().get(&format!("{proof:?}")).cloned())
    }
    fn next(&self, cursor: &mut Cursor, most: usize) -> Result<Chunk, ObjectsError> {
        let size = *self.size.borrow();
        if size == 0 {
            return Ok(Chunk::Missing);
        }
        if size != cursor.size {
            return Ok(Chunk::OtherLength { expected: cursor.size, found: size });
        }
        // As a network does: not always as much as is asked.
        let end = (cursor.position + most as u64).min(cursor.last + 1).min(cursor.position + 100_000);
        let mut chunk = bytes(cursor.position, end);
        let altered = *self.altered.borrow();
        if altered > 0 {
            self.altered.replace(altered - 1);
            *chunk.first_mut().unwrap() ^= 1;
        }
        cursor.position = end;
        Ok(Chunk::Bytes(chunk))
    }
}
