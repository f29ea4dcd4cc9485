//! `PUT /api/v1/products/{product}/firmware/{version}`: what is not registered leaves nothing in the store.

use futures::executor::block_on;
use futures::stream;
use http::{Method, StatusCode};
use ota_platform::{Request, Response};
use ota_testbed::{PRODUCT, Testbed, image, json, sha256};
use serde_json::json;

use crate::{IMAGE, assert_refused};

const MD5: &str = "74b5b5e9570efc5c0553bb327cd41940";

#[test]
fn a_firmware_is_registered_with_its_digests_and_kept_in_parts() {
    let bed = fresh();
    let image = image(300_000);
    let response = bed.upload("2", "?sign_method=sha256", &image);
    assert_eq!(response.status(), StatusCode::CREATED);
    let shown = json(&response);
    for (field, value) in [
        ("product", json!("pk")),
        ("version", json!("2")),
        ("sequence", json!(1)),
        ("size", json!(300_000)),
        ("sha256", json!(sha256(&image))),
        ("sign_method", json!("sha256")),
        ("quarantined", json!(false)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(bed.kv.keys("image:").len(), 3, "two pieces and the digests");
    assert_eq!(bed.show("/api/v1/products/pk/firmware"), json!({"firmware": [shown]}));
}

#[test]
fn a_declared_digest_that_is_right_in_any_case_is_taken() {
    let bed = fresh();
    let (md5, sha256) = (MD5.to_uppercase(), sha256(IMAGE));
    let response = bed.upload("2", &format!("?md5={md5}&sha256={sha256}"), IMAGE);
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[test]
fn a_declared_digest_or_size_that_is_not_what_came_is_422_and_leaves_nothing() {
    let (zeros, other) = ("0".repeat(32), "0".repeat(64));
    for query in [format!("?md5={zeros}"), format!("?sha256={other}"), format!("?md5={MD5}&sha256={other}")] {
        let bed = fresh();
        let response = bed.upload("2", &query, &image(300_000));
        assert_refused(&response, StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", "was declared as");
        assert_nothing_left(&bed);
    }
    for length in ["7", "9", "0"] {
        let bed = fresh();
        let mut request = bed.by_operator(Method::PUT, "/api/v1/products/pk/firmware/2", IMAGE.to_vec());
        request.headers_mut().insert("content-length", length.parse().unwrap());
        let response = bed.send(&request);
        let came = if length == "9" { "the bytes that came have 8" } else { "more bytes came" };
        let says = format!("size was declared as {length}, {came}");
        assert_refused(&response, StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", &says);
        assert_nothing_left(&bed);
    }
}

#[test]
fn a_body_that_breaks_off_is_400_and_leaves_nothing() {
    for pieces in 0..3 {
        let bed = fresh();
        let request = bed.by_operator(Method::PUT, "/api/v1/products/pk/firmware/2", Vec::new());
        let chunk = |_| Ok(vec![1; 200_000]);
        let body: Vec<Result<Vec<u8>, String>> =
            (0..pieces).map(chunk).chain([Err("connection reset".to_owned()), Ok(vec![2; 10])]).collect();
        let response = upload(&bed, &request, body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "the body broke off");
        assert_nothing_left(&bed);
    }
}

#[test]
fn nothing_at_all_is_no_firmware() {
    let bed = fresh();
    assert_refused(&bed.upload("2", "", b""), StatusCode::BAD_REQUEST, "bad_request", "firmware is empty");
    let request = bed.by_operator(Method::PUT, "/api/v1/products/pk/firmware/2", Vec::new());
    let response = upload(&bed, &request, vec![Ok(Vec::new()), Ok(Vec::new())]);
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "firmware is empty");
    assert_nothing_left(&bed);
}

#[test]
fn more_than_the_store_takes_is_413_whether_it_is_declared_or_not() {
    let bed = fresh();
    let mut request = bed.by_operator(Method::PUT, "/api/v1/products/pk/firmware/2", IMAGE.to_vec());
    request.headers_mut().insert("content-length", "67108865".parse().unwrap());
    let says = "firmware has 67108865 bytes or more, the object store takes 67108864";
    assert_refused(&bed.send(&request), StatusCode::PAYLOAD_TOO_LARGE, "too_large", says);
    assert_eq!(bed.kv.count(), 0, "not a byte is stored");
    request.headers_mut().remove("content-length");
    let mut body: Vec<Result<Vec<u8>, String>> = vec![Ok(vec![0; 1 << 20]); 64];
    body.push(Ok(vec![0]));
    assert_refused(&upload(&bed, &request, body), StatusCode::PAYLOAD_TOO_LARGE, "too_large", says);
    assert_nothing_left(&bed);
}

#[test]
fn the_same_bytes_again_are_200_and_leave_no_second_object() {
    let bed = fresh();
    let image = image(300_000);
    let first = bed.upload("2", "", &image);
    let keys = bed.kv.keys("image:");
    for _ in 0..2 {
        let again = bed.upload("2", "?sign_method=sha256", &image);
        assert_eq!((again.status(), json(&again)), (StatusCode::OK, json(&first)));
        assert_eq!(bed.kv.keys("image:"), keys);
    }
}

#[test]
fn other_bytes_under_a_taken_version_are_409_and_change_nothing() {
    let bed = fresh();
    bed.upload("2", "", IMAGE);
    let (keys, state) = (bed.kv.keys("image:"), bed.state());
    let response = bed.upload("2", "", &image(300_000));
    assert_refused(
        &response,
        StatusCode::CONFLICT,
        "version_taken",
        "version 2 is registered with other bytes",
    );
    assert_eq!((bed.kv.keys("image:"), bed.state()), (keys, state));
}

#[test]
fn the_same_bytes_under_another_version_are_a_firmware_of_their_own() {
    let bed = fresh();
    bed.upload("2", "", IMAGE);
    let other = bed.upload("3", "", IMAGE);
    assert_eq!((other.status(), &json(&other)["sequence"]), (StatusCode::CREATED, &json!(2)));
    assert_eq!(bed.kv.keys("image:").len(), 4);
}

#[test]
fn a_version_is_1_to_128_characters_without_control_characters() {
    let bed = fresh();
    let (longest, long) = ("%C3%A9".repeat(128), "v".repeat(129));
    for version in ["v1.0", "1'%3B%20DROP%20TABLE%20firmware", "%2e%2e", "a%2Fb", "%24%7B7*7%7D", &longest] {
        assert_eq!(bed.upload(version, "", IMAGE).status(), StatusCode::CREATED, "{version}");
    }
    for (version, says) in [
        (long.as_str(), "version has 129 characters, 1 to 128 are allowed"),
        ("a%00", "version contains the control character '\\0'"),
        ("a%0A", "version contains the control character '\\n'"),
        ("%7F", "version contains the control character"),
    ] {
        let response = bed.upload(version, "", IMAGE);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    for version in ["", "a/b", "%ff", "%"] {
        let status = bed.upload(version, "", IMAGE).status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{version:?}");
    }
}

#[test]
fn what_else_is_wrong_with_an_upload_is_said_before_a_byte_is_stored() {
    let bed = fresh();
    let calls = bed.kv.count();
    for method in ["MD5", "sha1", "", "%00"] {
        let response = bed.upload("2", &format!("?sign_method={method}"), IMAGE);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", ", must be md5 or sha256");
    }
    for (product, status) in [
        ("other", StatusCode::NOT_FOUND),
        ("..", StatusCode::BAD_REQUEST),
        ("p%2Fk", StatusCode::BAD_REQUEST),
        ("p%00", StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/api/v1/products/{product}/firmware/2");
        assert_eq!(bed.operate(Method::PUT, &path, IMAGE).status(), status, "{product}");
    }
    for (query, says) in [
        ("?md5=00", "md5 is \"00\": not a digest: expected 32 hex digits, got 2 characters"),
        ("?md5=", "md5 is \"\": not a digest"),
        ("?sha256=%00", "not a digest: expected 64 hex digits, got 1 characters"),
        ("?size=-1", "size is -1, must be a number of bytes"),
        ("?size=a", "size is \"a\", must be a number of bytes"),
        ("?signature=ab", "signature: not an Ed25519 signature: expected 128 hex digits"),
    ] {
        assert_refused(&bed.upload("2", query, IMAGE), StatusCode::BAD_REQUEST, "bad_request", says);
    }
    let post = bed.operate(Method::POST, &format!("/api/v1/products/{PRODUCT}/firmware/2"), IMAGE);
    assert_eq!(
        (post.status(), &post.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"PUT".parse().unwrap())
    );
    assert_eq!(bed.kv.count(), calls);
}

fn fresh() -> Testbed {
    let bed = Testbed::new();
    bed.add_product();
    bed
}

/// A request without a length, as a client sends one that does not know it.
fn upload(bed: &Testbed, request: &Request, body: Vec<Result<Vec<u8>, String>>) -> Response {
    let mut request = request.clone();
    request.headers_mut().remove("content-length");
    block_on(ota_operator::stream(&bed.gateway(), &request, stream::iter(body)))
}

fn assert_nothing_left(bed: &Testbed) {
    assert_eq!(bed.kv.keys(""), [""; 0]);
    assert_eq!(bed.show("/api/v1/products/pk/firmware"), json!({"firmware": []}));
}
