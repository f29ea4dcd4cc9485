//! The server of these tests is none that takes anything: whoever alters what was signed is refused.

use std::sync::mpsc::{self, TryRecvError};
use std::thread;
use std::time::Duration;

use http::Method;

use ota_image::transport::Transport as _;
use ota_platform::native::NativeTransport;

use crate::place::{Bucket, Place as _, object, store};

#[test]
fn a_url_that_is_altered_in_any_part_is_refused() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"bytes");
    store(&bucket, &object(2), b"other");
    let url = bucket.objects().presigned(&object(1), &Method::GET, Duration::from_mins(5)).unwrap();
    assert_eq!(bucket.send("GET", &url, b""), (200, b"bytes".to_vec()));
    let (path, query) = url.split_once('?').unwrap();
    let other = |from: &str, to: &str| {
        assert!(url.contains(from), "{from}");
        url.replace(from, to)
    };
    let last = url.chars().next_back().unwrap();
    for altered in [
        path.to_owned(),
        other(object(1).as_str(), object(2).as_str()),
        other("X-Amz-Expires=300", "X-Amz-Expires=301"),
        other("eu-test-1", "us-test-1"),
        other("AKIAOTATESTS", "AKIAOTATEST2"),
        format!("{path}?versionId=1&{query}"),
        format!("{}{}", &url[..url.len() - 1], if last == '0' { '1' } else { '0' }),
    ] {
        assert_eq!(bucket.send("GET", &altered, b"").0, 403, "{altered}");
    }
    for method in ["PUT", "DELETE", "HEAD"] {
        assert_eq!(bucket.send(method, &url, b"").0, 403, "{method}");
    }
    assert_eq!(bucket.server.object(&bucket.key(&object(1), "image")).unwrap(), b"bytes");
}

#[test]
fn outside_of_its_session_a_key_opens_nothing() {
    let bucket = Bucket { session_token: None, ..Bucket::in_a_session() };
    let error = bucket.objects().begin(&object(1)).unwrap_err().to_string();
    assert_eq!(error, "object store: s3 answered 403 InvalidToken to begin an upload");
}

#[test]
fn who_is_held_back_waits() {
    let bucket = Bucket::new();
    store(&bucket, &object(1), b"bytes");
    bucket.server.requests();
    let held = bucket.server.hold();
    let url = bucket.objects().presigned(&object(1), &Method::GET, Duration::from_mins(5)).unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let request = http::Request::get(url).body(Vec::new()).unwrap();
        tell.send(NativeTransport::default().call(request).unwrap().status()).unwrap();
    });
    while bucket.server.requests().is_empty() {
        thread::yield_now();
    }
    assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
    drop(held);
    assert_eq!(told.recv().unwrap(), 200);
}
