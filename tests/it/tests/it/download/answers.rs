//! Statuses, headers and ranges (RFC 9110): the answers without a body are where hosts go wrong.

use http::{Method, StatusCode};
use ota_it::{Answer, Place, ask};

use super::{Told, header};

const SIZE: usize = 300_000;

where_the_gateway_sends!(
    the_whole_comes_with_its_length_a_strong_tag_and_for_nobody_to_keep,
    head_says_everything_sends_nothing_and_begins_nothing,
    not_modified_has_no_body_and_is_a_begin,
    a_range_is_served_exactly_as_asked,
    a_range_outside_is_416_with_the_size_and_begins_nothing,
    if_range_decides_between_the_range_and_the_whole,
    several_ranges_are_joined_or_answered_with_the_whole,
    an_absurd_range_is_answered_with_the_whole,
    other_methods_download_nothing,
);

async fn the_whole_comes_with_its_length_a_strong_tag_and_for_nobody_to_keep(place: Place) {
    let told = Told::at(place, SIZE).await;
    let whole = told.get(&[]).await;
    assert_eq!(whole.status, StatusCode::OK);
    assert!(whole.body == told.firmware.bytes);
    assert_eq!(header(&whole.headers, "content-length"), SIZE.to_string());
    assert_eq!(header(&whole.headers, "accept-ranges"), "bytes");
    assert!(!whole.headers.contains_key("content-range"));
    assert!(!whole.headers.contains_key("transfer-encoding"));
    let etag = header(&whole.headers, "etag");
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag} is not strong");
    assert!(header(&whole.headers, "cache-control").contains("no-store"));
    let again = told.get(&[]).await;
    assert_eq!(header(&again.headers, "etag"), etag);
    assert!(again.body == told.firmware.bytes);
    assert_eq!(told.begun().await, 1);
}

async fn head_says_everything_sends_nothing_and_begins_nothing(place: Place) {
    let told = Told::at(place, SIZE).await;
    let head = told.head(&[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(header(&head.headers, "content-length"), SIZE.to_string());
    assert_eq!(told.begun().await, 0);
    let get = told.get(&[]).await;
    for name in ["content-length", "etag", "accept-ranges", "cache-control", "content-type"] {
        assert_eq!(head.headers[name], get.headers[name], "{name}");
    }
    assert_eq!(told.begun().await, 1);
}

async fn not_modified_has_no_body_and_is_a_begin(place: Place) {
    let told = Told::at(place, SIZE).await;
    let etag = told.etag().await;
    let same = told.head(&[("if-none-match", &etag)]).await;
    assert_eq!((same.status, told.begun().await), (StatusCode::NOT_MODIFIED, 0));
    let same = told.get(&[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(header(&same.headers, "etag"), etag);
    assert_eq!(told.begun().await, 1, "the device has the bytes, and may flash them");
    let one_of = format!("\"x\", {etag}");
    assert_eq!(told.get(&[("if-none-match", &one_of)]).await.status, StatusCode::NOT_MODIFIED);
    let other = told.get(&[("if-none-match", "\"other\"")]).await;
    assert!(other.status == StatusCode::OK && other.body == told.firmware.bytes);
}

async fn a_range_is_served_exactly_as_asked(place: Place) {
    let told = Told::at(place, SIZE).await;
    let last = SIZE - 1;
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-4095", 0, 4095),
        // Across the ends of a block and of a piece.
        ("bytes=65535-65536", 65_535, 65_536),
        ("bytes=262143-262144", 262_143, 262_144),
        // Open, suffix, the last byte, and more than there is.
        ("bytes=0-", 0, last),
        ("bytes=1-", 1, last),
        ("bytes=299999-", last, last),
        ("bytes=-1", last, last),
        ("bytes=-70000", SIZE - 70_000, last),
        ("bytes=-999999999", 0, last),
        ("bytes=1-999999999", 1, last),
    ] {
        let part = told.get(&[("range", range)]).await;
        expect_part(&told, &part, from, to, range);
    }
    assert_eq!(told.begun().await, 1, "however many ranges, one download");
}

async fn a_range_outside_is_416_with_the_size_and_begins_nothing(place: Place) {
    let told = Told::at(place, SIZE).await;
    for range in ["bytes=300000-", "bytes=300000-300001", "bytes=-0", "bytes=18446744073709551615-"] {
        let none = told.get(&[("range", range)]).await;
        assert_eq!(none.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(header(&none.headers, "content-range"), format!("bytes */{SIZE}"), "{range}");
    }
    assert_eq!(told.begun().await, 0);
}

async fn if_range_decides_between_the_range_and_the_whole(place: Place) {
    let told = Told::at(place, SIZE).await;
    let etag = told.etag().await;
    let part = told.get(&[("range", "bytes=5-9"), ("if-range", &etag)]).await;
    expect_part(&told, &part, 5, 9, "the right tag");
    let weak = format!("W/{etag}");
    for tag in ["\"other\"", weak.as_str(), "Tue, 24 Nov 2026 08:00:00 GMT"] {
        let whole = told.get(&[("range", "bytes=5-9"), ("if-range", tag)]).await;
        assert_eq!(whole.status, StatusCode::OK, "{tag}");
        assert!(whole.body == told.firmware.bytes, "{tag}");
    }
}

async fn several_ranges_are_joined_or_answered_with_the_whole(place: Place) {
    let told = Told::at(place, SIZE).await;
    let joined = told.get(&[("range", "bytes=0-99,100-199")]).await;
    expect_part(&told, &joined, 0, 199, "two that join");
    let many = format!("bytes={}", "0-0,2-2,".repeat(500));
    for range in ["bytes=0-0,2-2", "bytes=0-9,-9", &many] {
        let whole = told.get(&[("range", range)]).await;
        assert!(whole.status == StatusCode::OK && whole.body == told.firmware.bytes, "{range:.40}");
    }
}

async fn an_absurd_range_is_answered_with_the_whole(place: Place) {
    let told = Told::at(place, SIZE).await;
    for range in [
        "bytes=5-1",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "bytes",
        "lines=0-1",
        "bytes=0x0-0x1",
        "bytes=0-1;q=1",
    ] {
        let whole = told.get(&[("range", range)]).await;
        assert!(whole.status == StatusCode::OK && whole.body == told.firmware.bytes, "{range}");
    }
    // A HEAD has no ranges (RFC 9110 §14.2).
    assert_eq!(told.head(&[("range", "bytes=0-9")]).await.status, StatusCode::OK);
}

async fn other_methods_download_nothing(place: Place) {
    let told = Told::at(place, SIZE).await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let refused = ask(method.clone(), &told.url, &[]).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&refused.headers, "allow"), "GET, HEAD");
    }
    assert_eq!(told.begun().await, 0);
}

fn expect_part(told: &Told, part: &Answer, from: usize, to: usize, what: &str) {
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{what}");
    assert_eq!(header(&part.headers, "content-range"), format!("bytes {from}-{to}/{SIZE}"), "{what}");
    assert_eq!(header(&part.headers, "content-length"), (to - from + 1).to_string(), "{what}");
    assert!(part.body == told.firmware.bytes[from..=to], "{what}");
}
