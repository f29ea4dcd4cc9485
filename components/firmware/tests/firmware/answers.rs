//! Statuses, headers and ranges (RFC 9110).

use http::{Method, StatusCode};
use ota_testbed::{Testbed, image, sha256};
use serde_json::Value;

use crate::{get, granted, head, header};

const SIZE: usize = 300_000;

#[test]
fn the_whole_comes_with_its_length_its_strong_tag_and_for_nobody_to_keep() {
    let (bed, url, image) = at_hand();
    let streamed = get(&bed, &url, &[]);
    let headers = streamed.response.headers();
    assert_eq!(streamed.response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-length", "300000"),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-store, no-transform"),
        ("etag", &format!("\"{}\"", sha256(&image))),
    ] {
        assert_eq!(header(headers, name), Some(value), "{name}");
    }
    assert_eq!(header(headers, "content-range"), None);
    assert!(!streamed.is_cut);
    assert_eq!(*streamed.response.body(), image);
}

#[test]
fn head_says_the_same_sends_nothing_and_begins_nothing() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, &image(SIZE));
    let asked = head(&bed, &url, &[]).response;
    assert_eq!(bed.job(&job)["begun"], 0);
    assert!(asked.body().is_empty());
    let got = get(&bed, &url, &[]).response;
    assert_eq!((asked.status(), asked.headers()), (got.status(), got.headers()));
}

#[test]
fn a_range_is_served_as_asked() {
    let (bed, url, image) = at_hand();
    let last = SIZE - 1;
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-4095", 0, 4095),
        ("bytes=65535-65536", 65535, 65536),
        ("bytes=262143-262144", 262_143, 262_144),
        ("bytes=100000-299999", 100_000, last),
        ("bytes=299999-", last, last),
        ("bytes=1-", 1, last),
        ("bytes=-1", last, last),
        ("bytes=-70000", SIZE - 70_000, last),
        ("bytes=-999999999", 0, last),
        ("bytes=299999-999999999", last, last),
        ("bytes=0-99,100-199", 0, 199),
    ] {
        let streamed = get(&bed, &url, &[("range", range)]);
        assert_eq!(streamed.response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let headers = streamed.response.headers();
        assert_eq!(header(headers, "content-range"), Some(&*format!("bytes {from}-{to}/{SIZE}")), "{range}");
        assert_eq!(header(headers, "content-length"), Some(&*(to - from + 1).to_string()), "{range}");
        assert!(streamed.response.body() == &image[from..=to] && !streamed.is_cut, "{range}");
    }
}

#[test]
fn a_range_that_is_none_or_several_apart_is_answered_with_the_whole() {
    let (bed, url, image) = at_hand();
    let many = format!("bytes={}", "0-0,2-2,".repeat(1000));
    for range in [
        "bytes=0-0,2-2",
        "bytes=5-1",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "bytes",
        "lines=0-1",
        "",
        "bytes=0x0-0x1",
        "bytes=0-1;q=1",
        &many,
        "\u{ff}",
    ] {
        let streamed = get(&bed, &url, &[("range", range)]);
        assert_eq!(streamed.response.status(), StatusCode::OK, "{range:.40}");
        assert!(*streamed.response.body() == image, "{range:.40}");
    }
}

#[test]
fn a_range_outside_is_416_with_the_size() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, &image(SIZE));
    for range in [
        "bytes=300000-",
        "bytes=300000-300001",
        "bytes=-0",
        "bytes=18446744073709551615-",
        "bytes=99999999999999999999-",
    ] {
        let streamed = get(&bed, &url, &[("range", range)]);
        assert_eq!(streamed.response.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(header(streamed.response.headers(), "content-range"), Some("bytes */300000"));
        assert!(streamed.response.body().is_empty());
    }
    assert_eq!(bed.job(&job)["begun"], 0, "nothing left");
}

#[test]
fn a_range_of_another_firmware_is_the_whole_of_this_one() {
    let (bed, url, image) = at_hand();
    let tag = format!("\"{}\"", sha256(&image));
    let weak = format!("W/{tag}");
    for (if_range, status) in [
        (tag.as_str(), StatusCode::PARTIAL_CONTENT),
        (&weak, StatusCode::OK),
        ("\"another\"", StatusCode::OK),
        ("Tue, 24 Nov 2026 08:00:00 GMT", StatusCode::OK),
    ] {
        let streamed = get(&bed, &url, &[("range", "bytes=0-9"), ("if-range", if_range)]);
        assert_eq!(streamed.response.status(), status, "{if_range}");
    }
}

#[test]
fn what_the_device_has_is_304_and_counts_as_a_begin() {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (job, url) = granted(&bed, &image);
    let tag = format!("\"{}\"", sha256(&image));
    let other = get(&bed, &url, &[("if-match", "\"another\"")]).response;
    assert_eq!(other.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(head(&bed, &url, &[("if-none-match", &tag)]).response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(bed.job(&job)["begun"], 0, "asking begins nothing");
    let response = get(&bed, &url, &[("if-none-match", &tag)]).response;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(response.headers(), "etag"), Some(&*tag));
    assert!(response.body().is_empty());
    assert_eq!(bed.job(&job)["begun"], 1);
    assert_eq!(bed.task(&job, "d0")["state"], "upgrading");
}

#[test]
fn head_completes_nothing_either() {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (job, url) = granted(&bed, &image);
    get(&bed, &url, &[("range", "bytes=0-9")]);
    let tag = format!("\"{}\"", sha256(&image));
    assert_eq!(head(&bed, &url, &[("if-none-match", &tag)]).response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(bed.task(&job, "d0")["state"], "downloading");
}

#[test]
fn only_get_and_head_download() {
    let (bed, url, _) = at_hand();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = bed.device("d0").fetch(&url).method(method.clone()).body(Vec::new()).unwrap();
        let response = bed.download(&request).response;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(response.headers(), "allow"), Some("GET, HEAD"));
    }
}

#[test]
fn every_size_around_the_edges_of_blocks_and_pieces_is_served_whole() {
    for size in [1, 2, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 524_288] {
        let bed = Testbed::new();
        let image = image(size);
        let (_, url) = granted(&bed, &image);
        let streamed = get(&bed, &url, &[]);
        assert!(*streamed.response.body() == image && !streamed.is_cut, "{size}");
        assert_eq!(header(streamed.response.headers(), "content-length"), Some(&*size.to_string()));
    }
}

fn at_hand() -> (Testbed, Value, Vec<u8>) {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (_, url) = granted(&bed, &image);
    (bed, url, image)
}
