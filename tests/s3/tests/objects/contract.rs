//! What is promised of every store, however it is reached.

use ota_image::objects::{Chunk, Proof, Writing};
use ota_image::state::Sums;
use ota_image::{ByteRange, Image, ObjectId, PIECE, Reader, Upload};

use crate::place::{Bucket, Embedded, Place, bytes, object, read, read_whole, store};

/// More than one part and one piece, and no whole number of them.
fn size(place: &dyn Place) -> usize {
    2 * place.objects().part_len(None) + PIECE + 17
}

fn an_object_lives_from_its_begin_to_its_removal(place: &dyn Place) {
    let (ours, other) = (object(1), object(2));
    let stored = bytes(size(place));
    store(place, &ours, &stored);
    store(place, &other, b"other");
    assert_eq!(read_whole(place, &ours, stored.len()).unwrap(), (stored.clone(), None));

    let objects = place.objects();
    objects.put_proof(&ours, Proof::Digests(0), b"digests").unwrap();
    assert_eq!(objects.proof(&ours, Proof::Digests(0)).unwrap().as_deref(), Some(&b"digests"[..]));
    assert_eq!(objects.proof(&other, Proof::Digests(0)).unwrap(), None);
    assert_eq!(objects.proof(&ours, Proof::Pages).unwrap(), None);

    let writing = |object: ObjectId| Writing { object, token: String::new() };
    assert_eq!(objects.remove(&writing(ours.clone()), stored.len() as u64, &|| true).unwrap(), 0);
    assert_eq!(read_whole(place, &ours, stored.len()).unwrap(), (Vec::new(), Some(Chunk::Missing)));
    assert!(
        !matches!(objects.proof(&ours, Proof::Digests(0)), Ok(Some(_))),
        "nothing, or nothing of it at all"
    );
    assert_eq!(read_whole(place, &other, 5).unwrap().0, b"other");
    assert_eq!(objects.remove(&writing(other), 5, &|| true).unwrap(), 0);
    assert!(place.is_empty());
    assert_eq!(objects.remove(&writing(ours), stored.len() as u64, &|| true).unwrap(), 0);
}

fn any_range_is_read(place: &dyn Place) {
    let stored = bytes(size(place));
    let part = place.objects().part_len(None);
    store(place, &object(1), &stored);
    let last = stored.len() - 1;
    let edges = [0, 1, PIECE - 1, PIECE, part - 1, part, part + PIECE + 1, last - 1, last];
    for first in edges {
        for end in edges.into_iter().filter(|end| (first..first + 3 * PIECE).contains(end)) {
            let range = ByteRange::new(first as u64, end as u64, stored.len() as u64).unwrap();
            let (found, other) = read(place, &object(1), range, stored.len()).unwrap();
            assert!(found == stored[first..=end] && other.is_none(), "{first}-{end}");
        }
    }
}

fn a_part_may_be_repeated_and_the_last_one_counts(place: &dyn Place) {
    let objects = place.objects();
    let stored = bytes(objects.part_len(None) + 3);
    let (first, second) = stored.split_at(objects.part_len(None));
    let writing = objects.begin(&object(1)).unwrap();
    objects.put_part(&writing, 1, b"not").unwrap();
    objects.put_part(&writing, 0, &bytes(first.len() + 1)[1..]).unwrap();
    objects.put_part(&writing, 0, first).unwrap();
    objects.put_part(&writing, 1, second).unwrap();
    objects.complete(&writing, 2).unwrap();
    assert_eq!(read_whole(place, &object(1), stored.len()).unwrap(), (stored, None));
}

fn another_process_goes_on(place: &dyn Place) {
    let stored = bytes(size(place));
    let mut parts: Vec<_> = (0..).zip(stored.chunks(place.objects().part_len(None))).collect();
    let writing = place.objects().begin(&object(1)).unwrap();
    let last = parts.pop().unwrap();
    for (n, part) in parts {
        place.objects().put_part(&writing, n, part).unwrap();
    }
    place.objects().put_part(&writing, last.0, last.1).unwrap();
    place.objects().complete(&writing, last.0 + 1).unwrap();
    assert_eq!(read_whole(place, &object(1), stored.len()).unwrap(), (stored, None));
}

fn what_was_begun_and_is_removed_leaves_nothing(place: &dyn Place) {
    let objects = place.objects();
    let part = bytes(objects.part_len(None));
    let writing = objects.begin(&object(1)).unwrap();
    objects.put_part(&writing, 0, &part).unwrap();
    objects.put_proof(&object(1), Proof::Digests(0), b"digests").unwrap();
    for _ in 0..2 {
        assert_eq!(objects.remove(&writing, part.len() as u64, &|| true).unwrap(), 0);
        assert!(place.is_empty());
    }
}

fn to_complete_twice_is_to_complete_once(place: &dyn Place) {
    let objects = place.objects();
    let writing = objects.begin(&object(1)).unwrap();
    objects.put_part(&writing, 0, b"all of it").unwrap();
    for _ in 0..2 {
        objects.complete(&writing, 1).unwrap();
        assert_eq!(read_whole(place, &object(1), 9).unwrap(), (b"all of it".to_vec(), None));
    }
}

fn bytes_that_are_lost_are_missing(place: &dyn Place) {
    let stored = bytes(2 * PIECE);
    assert_eq!(read_whole(place, &object(1), stored.len()).unwrap().1, Some(Chunk::Missing));
    store(place, &object(1), &stored);
    place.lose(&object(1));
    let (found, other) = read_whole(place, &object(1), stored.len()).unwrap();
    assert_eq!((found.as_slice(), other), (&stored[..found.len()], Some(Chunk::Missing)));
}

fn an_object_of_another_length_is_known(place: &dyn Place) {
    let stored = bytes(PIECE + 5);
    store(place, &object(1), &stored);
    place.shorten(&object(1));
    // Also where the range begins at the byte that is gone.
    for first in [PIECE as u64, PIECE as u64 + 4] {
        let range = ByteRange::new(first, PIECE as u64 + 4, stored.len() as u64).unwrap();
        let (found, other) = read(place, &object(1), range, stored.len()).unwrap();
        assert!(found.is_empty());
        assert!(
            matches!(other, Some(Chunk::OtherLength { expected, found }) if found + 1 == expected),
            "{other:?}"
        );
    }
}

fn what_was_uploaded_is_read_and_verified(place: &dyn Place) {
    let firmware = bytes(size(place));
    let objects = place.objects();
    let writing = objects.begin(&object(1)).unwrap();
    let part = objects.part_len(Some(firmware.len() as u64));
    let mut upload = Upload::new(&*objects, writing, Sums::default(), part, objects.limit());
    for chunk in firmware.chunks(60_000) {
        let mut rest = chunk;
        while let Some(left) = upload.push(rest).unwrap() {
            rest = left;
        }
    }
    upload.close().unwrap();
    let stored = upload.finish().unwrap();
    let image = Image {
        store: stored.store,
        object: stored.object,
        size: stored.size,
        sha256: stored.sha256,
        blocks_root: stored.blocks_root,
    };
    let range = ByteRange::new(70_000, stored.size - 1, stored.size).unwrap();
    let reader = Reader::open(place.objects(), &image, range).unwrap();
    let mut read = Vec::new();
    for piece in reader {
        read.extend(piece.unwrap());
    }
    assert!(read == firmware[70_000..]);
}

macro_rules! promises {
    ($($place:ident: $made:expr;)*) => { $(mod $place {
        use super::*;
        promises! { @of $made =>
            an_object_lives_from_its_begin_to_its_removal
            any_range_is_read
            a_part_may_be_repeated_and_the_last_one_counts
            another_process_goes_on
            what_was_begun_and_is_removed_leaves_nothing
            to_complete_twice_is_to_complete_once
            bytes_that_are_lost_are_missing
            an_object_of_another_length_is_known
            what_was_uploaded_is_read_and_verified
        }
    })* };
    (@of $made:expr => $($promise:ident)*) => { $(
        #[test]
        fn $promise() {
            super::$promise(&$made);
        }
    )* };
}

promises! {
    embedded: Embedded::default();
    path_style: Bucket::new();
    virtual_host_style: Bucket::in_virtual_host_style();
    in_a_session: Bucket::in_a_session();
    with_a_prefix: Bucket::with_prefix("fleet-1/ota/");
    without_a_prefix: Bucket::with_prefix("");
    with_a_public_host: Bucket::with_a_public_host();
}
