//! The operators' REST: every route with every field that can be wrong, uploads that leave nothing behind, pages, and
//! stores that fail.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bucket;
mod control;
mod devices;
mod dry_run;
mod duties;
mod events;
mod explain;
mod faults;
mod fields;
mod hardware;
mod hooks;
mod jobs;
mod metrics;
mod pages;
mod products;
mod repair;
mod signatures;
mod slices;
mod tasks;
mod uploads;

use http::{Method, StatusCode};
use ota_platform::Response;
use ota_testbed::{Testbed, json};
use serde_json::Value;

const IMAGE: &[u8] = b"firmware";

fn post(bed: &Testbed, path: &str, body: &Value) -> Response {
    bed.operate(Method::POST, path, body.to_string())
}

fn patch(bed: &Testbed, path: &str, body: &Value) -> Response {
    bed.operate(Method::PATCH, path, body.to_string())
}

fn strings(values: &Value) -> Vec<String> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// A refusal has this status and code, a message that begins in lower case and says this, and no full stop.
fn assert_refused(response: &Response, status: StatusCode, code: &str, says: &str) {
    let told = json(response);
    let error = &told["error"];
    let message = error["message"].as_str().unwrap();
    assert_eq!((response.status(), error["code"].as_str()), (status, Some(code)), "{told}");
    assert!(message.contains(says), "{message:?} does not say {says:?}");
    assert!(message.ends_with("..") || !message.ends_with('.'), "{message:?}");
    assert!(!message.starts_with(char::is_uppercase), "{message:?}");
}

/// What a body may never be.
fn assert_takes_no_nonsense(bed: &Testbed, path: &str) {
    for body in
        [&b""[..], b" ", b"null", b"[]", b"7", b"\"x\"", b"{", b"{\"a\":1,}", b"\xff", b"{}{}", &[b'['; 5000]]
    {
        let response = bed.operate(Method::POST, path, body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "the body is not as expected");
    }
    let response = bed.operate(Method::POST, path, vec![b' '; 4 * 1024 * 1024 + 1]);
    assert_refused(&response, StatusCode::PAYLOAD_TOO_LARGE, "too_large", "limit of 4194304 bytes");
}
