//! Uploads in several requests: they go on wherever they broke off, and end once.

use futures::executor::block_on;
use futures::stream;
use http::{Method, StatusCode};
use ota_platform::Response;
use ota_testbed::{Fault, Testbed, image, json, sha256};
use serde_json::{Value, json};

use crate::{IMAGE, assert_refused};

const MIB: usize = 1024 * 1024;
const UPLOADS: &str = "/api/v1/products/pk/firmware/2/uploads";

#[test]
fn slices_make_a_firmware() {
    let (bed, image) = (fresh(), image(9 * MIB + 7));
    let upload = begun(&bed, &image);
    for field in ["product", "version", "via"] {
        assert_eq!(upload[field], json!({"product": "pk", "version": "2", "via": "gateway"})[field]);
    }
    assert_eq!((&upload["position"], &upload["size"]), (&json!(0), &json!(image.len())));
    assert_refused(&finalize(&bed, &upload), StatusCode::CONFLICT, "incomplete", "0 of 9437191 bytes came");
    let mut from = 0;
    while from < image.len() {
        let end = image.len().min(from + 5 * MIB);
        let shown = json(&append(&bed, &upload, from, &image[from..end]));
        let position = usize::try_from(shown["position"].as_u64().unwrap()).unwrap();
        // Whole parts are kept, and the last one whatever it has.
        assert_eq!(position, if end == image.len() { end } else { end / (4 * MIB) * (4 * MIB) });
        assert_eq!(shown, bed.show(&path(&upload)));
        from = position;
    }
    let finished = finalize(&bed, &upload);
    assert_eq!(
        (finished.status(), &json(&finished)["sha256"]),
        (StatusCode::CREATED, &json!(sha256(&image)))
    );
    for response in [finalize(&bed, &upload), append(&bed, &upload, 0, b"x"), show(&bed, &upload)] {
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "there is no such upload");
    }
    assert_eq!(json(&begin(&bed, "2", &image)), json(&finished), "whoever heard no answer asks again");
    assert_eq!(downloaded(&bed), image);
}

#[test]
fn the_same_upload_is_found_again_and_another_is_not() {
    let (bed, image) = (fresh(), image(5 * MIB));
    let upload = begun(&bed, &image);
    append(&bed, &upload, 0, &image[..4 * MIB]);
    let again = begin(&bed, "2", &image);
    assert_eq!((again.status(), json(&again)), (StatusCode::OK, bed.show(&path(&upload))));
    assert_eq!(json(&again)["position"], json!(4 * MIB));
    for other in [begin(&bed, "3", &image), begin(&bed, "2", &image[1..])] {
        assert_eq!(other.status(), StatusCode::CREATED);
        assert_ne!(json(&other)["upload"], upload["upload"]);
    }
    let query = format!("?size={}&sha256={}&must_pass=true", image.len(), sha256(&image));
    let with_duties = bed.operate(Method::POST, &format!("{UPLOADS}{query}"), "");
    assert_eq!(with_duties.status(), StatusCode::CREATED, "what it asks of jobs is another");
}

#[test]
fn bytes_that_do_not_belong_there_are_409_with_the_place_that_is_next() {
    let (bed, image) = (fresh(), image(5 * MIB));
    let upload = begun(&bed, &image);
    append(&bed, &upload, 0, &image[..4 * MIB]);
    for position in [0, 4 * MIB - 1, 4 * MIB + 1, 5 * MIB] {
        let response = append(&bed, &upload, position, b"x");
        let says = format!("position is {position}, the next byte of this upload is 4194304");
        assert_refused(&response, StatusCode::CONFLICT, "wrong_position", &says);
    }
    for (query, says) in [
        ("", "position is missing"),
        ("?position=", "position is missing"),
        ("?position=x", "position is \"x\", must be a number of bytes"),
        ("?position=99999999999999999999", "must be a number of bytes"),
    ] {
        let response = bed.operate(Method::PUT, &format!("{}{query}", path(&upload)), "x");
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    let more = append(&bed, &upload, 4 * MIB, &vec![0; MIB + 1]);
    let says = "size was declared as 5242880, more bytes came";
    assert_refused(&more, StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", says);
    append(&bed, &upload, 4 * MIB, &image[4 * MIB..]);
    assert_eq!(finalize(&bed, &upload).status(), StatusCode::CREATED);
}

#[test]
fn a_slice_that_breaks_off_keeps_its_whole_parts() {
    let (bed, image) = (fresh(), image(9 * MIB));
    let upload = begun(&bed, &image);
    let request = bed.by_operator(Method::PUT, &format!("{}?position=0", path(&upload)), Vec::new());
    let body = [Ok(image[..5 * MIB].to_vec()), Err("connection reset".to_owned())];
    let response = block_on(ota_operator::stream(&bed.gateway(), &request, stream::iter(body)));
    assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", "the body broke off");
    assert_eq!(bed.show(&path(&upload))["position"], json!(4 * MIB));
}

#[test]
fn other_bytes_than_were_declared_end_the_upload_and_leave_nothing() {
    let (bed, image) = (fresh(), image(5 * MIB));
    let upload = begun(&bed, &image);
    let mut other = image.clone();
    other[4_500_000] ^= 1;
    append(&bed, &upload, 0, &other);
    let says = format!("sha256 was declared as {}", sha256(&image));
    assert_refused(&finalize(&bed, &upload), StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", &says);
    assert_nothing_left(&bed, &upload);
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let (bed, image) = (fresh(), image(5 * MIB));
    let upload = begun(&bed, &image);
    append(&bed, &upload, 0, &image);
    assert!(!bed.kv.keys("image:").is_empty());
    let given_up = bed.operate(Method::DELETE, &path(&upload), "");
    assert_eq!((given_up.status(), given_up.body().len()), (StatusCode::NO_CONTENT, 0));
    assert_nothing_left(&bed, &upload);
}

#[test]
fn what_nobody_goes_on_with_is_taken_away_by_a_sweep_and_what_is_gone_on_with_is_not() {
    let (bed, image) = (fresh(), image(9 * MIB));
    let upload = begun(&bed, &image);
    append(&bed, &upload, 0, &image[..4 * MIB]);
    bed.pass(23 * 3_600_000);
    bed.sweep("b", &[]);
    append(&bed, &upload, 4 * MIB, &image[4 * MIB..8 * MIB]);
    bed.pass(23 * 3_600_000);
    bed.sweep("b", &[]);
    assert_eq!(bed.show(&path(&upload))["position"], json!(8 * MIB));
    bed.pass(3_600_001);
    bed.sweep("b", &[]);
    assert_nothing_left(&bed, &upload);
}

#[test]
fn what_the_store_does_not_let_go_of_is_taken_away_later() {
    let (bed, image) = (fresh(), image(5 * MIB));
    let upload = begun(&bed, &image);
    append(&bed, &upload, 0, &image);
    bed.kv.fail_at(0, Fault::Gone);
    assert_eq!(bed.operate(Method::DELETE, &path(&upload), "").status(), StatusCode::NO_CONTENT);
    bed.sweep("b", &[]);
    bed.kv.heal();
    assert!(!bed.kv.keys("image:").is_empty());
    bed.pass(3_600_000);
    bed.sweep("b", &[]);
    assert_nothing_left(&bed, &upload);
}

#[test]
fn an_upload_must_say_what_it_is() {
    let bed = fresh();
    let whole = format!("size=8&sha256={}", sha256(IMAGE));
    for (query, says) in [
        ("", "size and sha256 must be given"),
        ("?size=8", "size and sha256 must be given"),
        (&format!("?sha256={}", sha256(IMAGE)), "size and sha256 must be given"),
        (&format!("?{whole}&via=post"), "via is \"post\", must be gateway or presigned"),
        (&format!("?size=0&sha256={}", sha256(b"")), "firmware is empty"),
    ] {
        let response = bed.operate(Method::POST, &format!("{UPLOADS}{query}"), "");
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    let presigned = bed.operate(Method::POST, &format!("{UPLOADS}?{whole}&via=presigned"), "");
    let says = "the object store has no presigned URLs";
    assert_refused(&presigned, StatusCode::CONFLICT, "not_presigned", says);
    let other = bed.operate(Method::POST, &format!("/api/v1/products/other/firmware/2/uploads?{whole}"), "");
    assert_refused(&other, StatusCode::NOT_FOUND, "not_found", "product other is not registered");
    bed.upload("2", "", IMAGE);
    let taken = begin(&bed, "2", b"another!");
    assert_refused(&taken, StatusCode::CONFLICT, "version_taken", "registered with other bytes");
    for upload in ["x", &"0".repeat(32), "..", "%00"] {
        let response = bed.operate(Method::GET, &format!("/api/v1/uploads/{upload}"), "");
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "there is ");
    }
}

#[test]
fn no_device_with_the_java_sdk_is_told_of_more_than_an_int() {
    let bed = fresh();
    let query = format!("?size=2147483648&sha256={}", sha256(b""));
    let refused = bed.operate(Method::POST, &format!("{UPLOADS}{query}"), "");
    // The embedded store keeps less, so that is what is said here.
    assert_refused(&refused, StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the object store takes 67108864");
}

fn fresh() -> Testbed {
    let bed = Testbed::new();
    bed.add_product();
    bed
}

fn begin(bed: &Testbed, version: &str, image: &[u8]) -> Response {
    let query = format!("size={}&sha256={}", image.len(), sha256(image));
    bed.operate(Method::POST, &format!("/api/v1/products/pk/firmware/{version}/uploads?{query}"), "")
}

fn begun(bed: &Testbed, image: &[u8]) -> Value {
    let response = begin(bed, "2", image);
    assert_eq!(response.status(), StatusCode::CREATED);
    json(&response)
}

fn path(upload: &Value) -> String {
    format!("/api/v1/uploads/{}", upload["upload"].as_str().unwrap())
}

fn append(bed: &Testbed, upload: &Value, position: usize, bytes: &[u8]) -> Response {
    bed.operate(Method::PUT, &format!("{}?position={position}", path(upload)), bytes)
}

fn finalize(bed: &Testbed, upload: &Value) -> Response {
    bed.operate(Method::POST, &format!("{}/finalize", path(upload)), "")
}

fn show(bed: &Testbed, upload: &Value) -> Response {
    bed.operate(Method::GET, &path(upload), "")
}

fn assert_nothing_left(bed: &Testbed, upload: &Value) {
    assert_eq!(bed.kv.keys("image:"), [""; 0]);
    assert_refused(&show(bed, upload), StatusCode::NOT_FOUND, "not_found", "there is no such upload");
    assert_eq!(bed.show("/api/v1/products/pk/firmware"), json!({"firmware": []}));
}

/// The firmware 2 as a device gets it.
fn downloaded(bed: &Testbed) -> Vec<u8> {
    let device = bed.add_device("d0");
    device.inform("1");
    bed.add_job("push", json!({}));
    let told = device.inform("1");
    let request = device.fetch(told.file_url()).body(Vec::new()).unwrap();
    bed.download(&request).response.into_body()
}
