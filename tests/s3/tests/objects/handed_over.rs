//! What goes between the bucket and somebody else, by URLs that we sign.

use std::time::Duration;

use http::Method;
use ota_image::objects::{Chunk, Proof, Writing};
use ota_s3::Fault;

use crate::place::{Bucket, Place as _, bytes, object, read_whole};

const WITHIN: Duration = Duration::from_mins(5);

fn url(bucket: &Bucket, method: &Method) -> String {
    bucket.objects().presigned(&object(1), method, WITHIN).unwrap()
}

fn bring(bucket: &Bucket, bytes: &[u8]) {
    assert_eq!(bucket.send("PUT", &url(bucket, &Method::PUT), bytes).0, 200);
}

/// What was brought, by its tag.
fn named(bucket: &Bucket) -> Writing {
    let token = bucket.objects().brought(&object(1)).unwrap().unwrap();
    Writing { object: object(1), token }
}

#[test]
fn what_somebody_brings_is_adopted_and_can_be_fetched() {
    for bucket in [
        Bucket::new(),
        Bucket::in_virtual_host_style(),
        Bucket::in_a_session(),
        Bucket::with_prefix(""),
        Bucket::with_a_public_host(),
    ] {
        let brought = bytes(300_000);
        assert_eq!(bucket.objects().brought(&object(1)).unwrap(), None, "nothing was brought");
        bring(&bucket, &brought);
        assert_eq!(read_whole(&bucket, &object(1), brought.len()).unwrap().1, Some(Chunk::Missing));
        assert!(bucket.objects().adopt(&named(&bucket)).unwrap());
        assert_eq!(bucket.server.keys(), [bucket.key(&object(1), "image")]);
        assert_eq!(read_whole(&bucket, &object(1), brought.len()).unwrap(), (brought.clone(), None));
        assert_eq!(bucket.send("GET", &url(&bucket, &Method::GET), b""), (200, brought));
    }
}

#[test]
fn urls_for_others_are_on_the_public_host_and_our_own_are_not() {
    let bucket = Bucket::with_a_public_host();
    let public = bucket.public_url.clone().unwrap();
    assert_ne!(public, bucket.url);
    for method in [Method::GET, Method::PUT] {
        assert!(url(&bucket, &method).starts_with(&format!("{public}/")), "{method}");
    }
}

#[test]
fn what_is_adopted_cannot_be_changed_by_whoever_brought_it() {
    let bucket = Bucket::new();
    bring(&bucket, b"what was verified");
    let named = named(&bucket);
    assert!(bucket.objects().adopt(&named).unwrap());
    bring(&bucket, b"what came later");
    assert!(bucket.objects().adopt(&named).unwrap());
    assert_eq!(read_whole(&bucket, &object(1), 17).unwrap().0, b"what was verified");
}

#[test]
fn a_copy_that_failed_behind_its_200_or_of_which_nobody_heard_is_made_again() {
    for fault in [Fault::LateError("InternalError"), Fault::Unheard, Fault::Refused(503, "SlowDown")] {
        let bucket = Bucket::new();
        bring(&bucket, b"brought");
        // The first request asks whether it is there already.
        let named = named(&bucket);
        bucket.server.next([Fault::None, fault]);
        assert!(bucket.objects().adopt(&named).unwrap(), "{fault:?}");
        assert_eq!(read_whole(&bucket, &object(1), 7).unwrap(), (b"brought".to_vec(), None));
    }
    let bucket = Bucket::new();
    bring(&bucket, b"brought");
    let named = named(&bucket);
    bucket.server.next([Fault::None, Fault::LateError("AccessDenied")]);
    let error = bucket.objects().adopt(&named).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 answered 200 AccessDenied to copy an object");
}

#[test]
fn what_was_brought_and_not_adopted_is_removed_with_its_object() {
    let bucket = Bucket::new();
    bring(&bucket, b"brought");
    bucket.objects().put_proof(&object(1), Proof::Digests(0), b"digests").unwrap();
    let writing = Writing { object: object(1), token: String::new() };
    assert_eq!(bucket.objects().remove(&writing, 7, &|| true).unwrap(), 0);
    assert!(bucket.is_empty());
}

#[test]
fn a_url_is_good_for_its_time_only() {
    let bucket = Bucket::new();
    bucket.skew.set(-299);
    bring(&bucket, b"in time");
    bucket.skew.set(-302);
    assert_eq!(bucket.send("PUT", &url(&bucket, &Method::PUT), b"late").0, 403);
    assert_eq!(bucket.send("GET", &url(&bucket, &Method::GET), b"").0, 403);
}
