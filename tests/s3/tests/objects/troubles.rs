//! What goes wrong between us and a bucket: what passes is waited for, what does not is told.

use ota_image::objects::{Chunk, Proof};
use ota_image::{ByteRange, PIECE};
use ota_s3::Fault;

use crate::place::{Bucket, Place as _, bytes, object, read, read_whole, store};

#[test]
fn what_passes_is_tried_again() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"bytes");
    for fault in [
        Fault::Refused(503, "SlowDown"),
        Fault::Refused(500, "InternalError"),
        Fault::Refused(429, "TooManyRequests"),
        Fault::Refused(400, "RequestTimeout"),
        Fault::Foreign(502),
        Fault::Unheard,
        Fault::BrokenOff(3),
    ] {
        bucket.server.next([fault; 2]);
        bucket.objects().put_proof(&object(1), Proof::Pages, b"digests").unwrap();
        bucket.server.next([fault; 2]);
        let proof = bucket.objects().proof(&object(1), Proof::Pages).unwrap();
        assert_eq!(proof.as_deref(), Some(&b"digests"[..]), "{fault:?}");
    }
}

#[test]
fn what_does_not_pass_is_told_by_status_and_code_and_by_no_secret() {
    let bucket = Bucket::new();
    for (fault, tries, expected) in [
        (Fault::Refused(503, "SlowDown"), 4, "s3 answered 503 SlowDown to read digests"),
        (Fault::Refused(403, "AccessDenied"), 1, "s3 answered 403 AccessDenied to read digests"),
        (Fault::Foreign(404), 1, "s3 answered 404 without a code to read digests"),
        (Fault::Unheard, 4, "s3 did not answer to read digests: "),
    ] {
        bucket.server.requests();
        bucket.server.next([fault; 4].into_iter().take(tries));
        let error = bucket.objects().proof(&object(1), Proof::Pages).unwrap_err().to_string();
        assert!(error.starts_with(&format!("object store: {expected}")), "{error}");
        assert_eq!(bucket.server.requests().len(), tries);
        assert!(!error.contains("X-Amz") && !error.contains("http"), "{error}");
    }
}

#[test]
fn what_stands_before_a_bucket_and_answers_everything_is_no_damage() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"bytes");
    bucket.objects().put_proof(&object(1), Proof::Digests(0), b"digests").unwrap();
    for fault in [Fault::Foreign(200), Fault::Foreign(204), Fault::Foreign(404), Fault::Foreign(416)] {
        bucket.server.next([fault]);
        assert!(bucket.objects().proof(&object(1), Proof::Digests(0)).is_err(), "{fault:?}");
        bucket.server.next([fault]);
        assert!(read_whole(&bucket, &object(1), 5).is_err(), "{fault:?}");
        bucket.server.next([fault]);
        assert!(bucket.objects().put_proof(&object(1), Proof::Pages, b"x").is_err(), "{fault:?}");
    }
}

#[test]
fn an_object_of_which_there_is_nothing_at_all_is_looked_for_in_the_wrong_place() {
    let bucket = Bucket::new();
    let error = bucket.objects().proof(&object(1), Proof::Digests(0)).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 has nothing of the object: is this the bucket and the prefix?");
    store(&bucket, &object(1), b"bytes");
    assert_eq!(bucket.objects().proof(&object(1), Proof::Digests(0)).unwrap(), None);
}

#[test]
fn an_answer_that_breaks_off_is_gone_on_with_where_it_was() {
    let bucket = Bucket::new();
    let stored = bytes(4 * PIECE);
    store(&bucket, &object(1), &stored);
    bucket.server.requests();
    // Twice in a row before the first byte, then after some of them.
    let faults = [0, 0, 1, PIECE + 100, 0, 70_000, PIECE - 1].map(Fault::BrokenOff);
    bucket.server.next(faults);
    assert_eq!(read_whole(&bucket, &object(1), stored.len()).unwrap(), (stored, None));
    assert_eq!(bucket.server.requests().len(), 8, "each once, and the one that ends");
}

#[test]
fn an_answer_that_never_begins_is_given_up() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"bytes");
    bucket.server.requests();
    bucket.server.next([Fault::BrokenOff(0); 3]);
    let error = read_whole(&bucket, &object(1), 5).unwrap_err().to_string();
    assert!(error.starts_with("object store: s3 broke off 3 answers in a row to read an object"), "{error}");
    assert_eq!(bucket.server.requests().len(), 3);
}

#[test]
fn one_range_is_one_request() {
    let bucket = Bucket::new();
    let stored = bytes(4 * PIECE);
    store(&bucket, &object(1), &stored);
    bucket.server.requests();
    let range = ByteRange::new(5, 3 * PIECE as u64, stored.len() as u64).unwrap();
    assert_eq!(read(&bucket, &object(1), range, stored.len()).unwrap().0, stored[5..=3 * PIECE]);
    assert_eq!(bucket.server.requests(), [format!("GET /firmware/firmware/{}/image", object(1))]);
}

#[test]
fn a_store_without_ranges_is_refused_and_not_read_from_the_wrong_place() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"0123456789");
    bucket.server.next([Fault::Whole]);
    let range = ByteRange::new(5, 6, 10).unwrap();
    let error = read(&bucket, &object(1), range, 10).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 answered 200 without a range that can be told to read an object");
}

#[test]
fn what_is_not_ours_to_see_never_looks_like_damage() {
    let stored = Bucket::new();
    store(&stored, &object(1), b"bytes");
    for (bucket, expected) in [
        (Bucket { name: "another", ..Bucket::new() }, "404 NoSuchBucket"),
        (Bucket { secret_key: "not-the-key", ..Bucket::new() }, "403 SignatureDoesNotMatch"),
    ] {
        let error = read_whole(&bucket, &object(1), 5).unwrap_err().to_string();
        assert_eq!(error, format!("object store: s3 answered {expected} to read an object"));
        assert!(bucket.objects().proof(&object(1), Proof::Pages).is_err());
        assert!(bucket.objects().brought(&object(1)).is_err());
        assert!(bucket.objects().begin(&object(1)).is_err());
    }
    for skew in [-3600, 3600] {
        stored.skew.set(skew);
        let error = read_whole(&stored, &object(1), 5).unwrap_err().to_string();
        assert!(error.starts_with("object store: s3 answered 403 "), "{error}");
    }
    stored.skew.set(0);
    stored.server.next([Fault::Foreign(404)]);
    assert!(read_whole(&stored, &object(1), 5).is_err());
    assert_eq!(read_whole(&stored, &object(1), 5).unwrap(), (b"bytes".to_vec(), None));
}

#[test]
fn an_upload_is_completed_whoever_hears_of_it() {
    for fault in [Fault::Unheard, Fault::LateError("InternalError"), Fault::BrokenOff(20)] {
        let bucket = Bucket::new();
        let objects = bucket.objects();
        let writing = objects.begin(&object(1)).unwrap();
        objects.put_part(&writing, 0, b"all of it").unwrap();
        // The parts are listed first.
        bucket.server.next([Fault::None, fault]);
        objects.complete(&writing, 1).unwrap();
        assert_eq!(read_whole(&bucket, &object(1), 9).unwrap(), (b"all of it".to_vec(), None), "{fault:?}");
        assert!(bucket.server.uploads().is_empty());
    }
}

#[test]
fn an_upload_that_is_not_whole_is_not_completed() {
    let bucket = Bucket::new();
    let objects = bucket.objects();
    let writing = objects.begin(&object(1)).unwrap();
    let part = bytes(objects.part_len(None));
    for n in [0, 1, 2, 4] {
        objects.put_part(&writing, n, &part).unwrap();
    }
    let error = objects.complete(&writing, 5).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 answered 3 parts of 5 in a row to list parts");
    assert!(bucket.server.keys().is_empty());
    objects.put_part(&writing, 3, &part).unwrap();
    objects.complete(&writing, 5).unwrap();
    assert_eq!(read_whole(&bucket, &object(1), 5 * part.len()).unwrap().0, part.repeat(5));
}

#[test]
fn an_upload_that_was_aborted_is_not_completed() {
    let bucket = Bucket::new();
    let objects = bucket.objects();
    let writing = objects.begin(&object(1)).unwrap();
    objects.put_part(&writing, 0, b"bytes").unwrap();
    assert_eq!(objects.remove(&writing, 5, &|| true).unwrap(), 0);
    let error = objects.complete(&writing, 1).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 answered 404 NoSuchUpload to list parts");
    assert!(objects.put_part(&writing, 0, b"bytes").is_err());
}

#[test]
fn the_proof_of_a_large_object_is_kept_page_by_page_and_goes_with_it() {
    let bucket = Bucket::new();
    let objects = bucket.objects();
    let writing = objects.begin(&object(1)).unwrap();
    objects.put_part(&writing, 0, b"bytes").unwrap();
    objects.complete(&writing, 1).unwrap();
    for page in 0..3 {
        objects.put_proof(&object(1), Proof::Digests(page), format!("page {page}").as_bytes()).unwrap();
    }
    objects.put_proof(&object(1), Proof::Pages, b"pages").unwrap();
    assert_eq!(objects.proof(&object(1), Proof::Digests(2)).unwrap().as_deref(), Some(&b"page 2"[..]));
    assert_eq!(objects.proof(&object(1), Proof::Digests(3)).unwrap(), None);
    assert_eq!(objects.remove(&writing, 2 * 64 * 1024 * 1024 + 1, &|| true).unwrap(), 0);
    assert!(bucket.is_empty());
}

#[test]
fn an_object_that_ends_before_the_range_begins_is_of_another_length() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), &bytes(100));
    for len in [10, 0] {
        bucket.server.alter(&bucket.key(&object(1), "image"), |bytes| bytes.truncate(len));
        let range = ByteRange::new(50, 99, 100).unwrap();
        let found = len as u64;
        let expected = Some(Chunk::OtherLength { expected: 100, found });
        assert_eq!(read(&bucket, &object(1), range, 100).unwrap().1, expected);
    }
}
