//! Uploads into a bucket: streamed, in slices, and brought there by a presigned URL.

use std::cell::Cell;

use http::{Method, StatusCode};
use ota_image::layout::PAGE;
use ota_platform::ports::{Clock, SystemClock};
use ota_platform::{Gateway, Response};
use ota_s3::{Fault, S3Server};
use ota_testbed::{START, Testbed, image, json, sha256};
use serde_json::{Value, json};

use crate::{assert_refused, patch};

const MIB: usize = 1024 * 1024;

#[test]
fn a_firmware_larger_than_a_page_goes_into_the_bucket_part_by_part() {
    let (bed, server) = fresh();
    let page = usize::try_from(PAGE).unwrap();
    let image = image(page + 3 * MIB + 7);
    let response = bed.upload("2", "", &image);
    let shown = json(&response);
    assert_eq!((response.status(), &shown["store"]), (StatusCode::CREATED, &json!("s3")));
    assert_eq!(shown["sha256"], json!(sha256(&image)));
    let names: Vec<_> = server.keys().iter().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["digests.0", "digests.1", "image", "pages"]);
    assert!(server.uploads().is_empty());
    assert_eq!(bed.kv.keys("image:"), [""; 0]);
    assert_eq!(downloaded(&bed, "d0"), image);
}

#[test]
fn what_is_refused_or_breaks_off_leaves_nothing_in_the_bucket() {
    let (bed, server) = fresh();
    let image = image(9 * MIB);
    let zeros = "0".repeat(64);
    let refused = bed.upload("2", &format!("?sha256={zeros}"), &image);
    assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", "sha256 was declared");
    bed.upload("2", "", &image);
    let keys = server.keys();
    let taken = bed.upload("2", "", &image[1..]);
    assert_refused(&taken, StatusCode::CONFLICT, "version_taken", "registered with other bytes");
    assert_eq!(bed.upload("2", "", &image).status(), StatusCode::OK, "the same bytes are the same firmware");
    assert_eq!((server.keys(), server.uploads()), (keys, Vec::new()));
}

#[test]
fn a_gateway_that_is_killed_in_an_upload_leaves_what_a_sweep_takes_away() {
    let (bed, server) = fresh();
    let image = image(17 * MIB);
    // Nothing is answered any more from the third request on: the process is gone.
    let body = futures::stream::iter(vec![Ok(image[..9 * MIB].to_vec())]);
    let mut request = bed.by_operator(Method::PUT, "/api/v1/products/pk/firmware/2", Vec::new());
    request.headers_mut().remove("content-length");
    {
        let gateway = bed.gateway();
        let endless = futures::StreamExt::chain(body, futures::stream::pending());
        let mut upload = Box::pin(ota_operator::stream(&gateway, &request, endless));
        let waker = futures::task::noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        assert!(upload.as_mut().poll(&mut context).is_pending());
        assert_eq!(server.uploads().len(), 1);
    }
    // The retry is an upload of its own, and none of its business.
    assert_eq!(bed.upload("2", "", &image).status(), StatusCode::CREATED);
    bed.sql.alter("UPDATE upload SET expires_at = 0");
    bed.sweep("b", &[]);
    assert_eq!((server.uploads(), server.keys().len()), (Vec::new(), 2));
    assert_eq!(downloaded(&bed, "d0"), image);
}

#[test]
fn slices_go_on_in_the_same_multipart_upload() {
    let (bed, server) = fresh();
    let image = image(17 * MIB);
    let upload = begun(&bed, &image, "gateway");
    let first = put(&bed, &upload, 0, &image[..10 * MIB]);
    assert_eq!(json(&first)["position"], json!(8 * MIB));
    // One part's answer is lost: it is stored again.
    server.next([Fault::Unheard]);
    let second = put(&bed, &upload, 8 * MIB, &image[8 * MIB..]);
    assert_eq!(json(&second)["position"], json!(17 * MIB));
    assert_eq!(finalize(&bed, &upload).status(), StatusCode::CREATED);
    assert!(server.uploads().is_empty());
    assert_eq!(downloaded(&bed, "d0"), image);
}

#[test]
fn what_is_brought_by_a_presigned_url_is_verified_before_it_is_a_firmware() {
    let (bed, server) = fresh();
    let image = image(5 * MIB + 1);
    let upload = begun(&bed, &image, "presigned");
    let nothing = finalize(&bed, &upload);
    assert_refused(&nothing, StatusCode::CONFLICT, "not_uploaded", "nothing was brought to the put_url yet");
    bring(&upload, &image);
    let finished = finalize(&bed, &upload);
    assert_eq!(
        (finished.status(), &json(&finished)["sha256"]),
        (StatusCode::CREATED, &json!(sha256(&image)))
    );
    assert_eq!(downloaded(&bed, "d0"), image);
    // Whoever still has the URL changes nothing.
    bring(&upload, b"other bytes");
    assert_eq!(downloaded(&bed, "d1"), image);
    assert!(!server.keys().is_empty());
}

#[test]
fn a_verification_that_takes_longer_than_a_request_may_goes_on_where_it_was() {
    let (bed, _server) = fresh();
    let image = image(2 * MIB);
    let upload = begun(&bed, &image, "presigned");
    bring(&upload, &image);
    let path = format!("/api/v1/uploads/{}/finalize", upload["upload"].as_str().unwrap());
    let request = bed.by_operator(Method::POST, &path, Vec::new());
    let mut positions = Vec::new();
    let finished = loop {
        let clock = Hurried(SystemClock.now_ms().into());
        let answer = ota_operator::handle(&Gateway { clock: &clock, ..bed.gateway() }, &request);
        if answer.status() != StatusCode::ACCEPTED {
            break answer;
        }
        positions.push(json(&answer)["position"].as_u64().unwrap());
    };
    assert_eq!(finished.status(), StatusCode::CREATED);
    assert!(positions.len() > 1 && positions.is_sorted(), "{positions:?}");
    assert_eq!(downloaded(&bed, "d0"), image);
}

/// A clock on which five seconds pass between two looks.
struct Hurried(Cell<i64>);

impl Clock for Hurried {
    fn now_ms(&self) -> i64 {
        self.0.replace(self.0.get() + 5_000)
    }
}

#[test]
fn other_bytes_behind_a_presigned_url_are_refused_and_removed() {
    let (bed, server) = fresh();
    let image = image(MIB);
    let mut altered = image.clone();
    altered[500_000] ^= 1;
    for (brought, says) in [
        (&altered[..], "sha256 was declared as"),
        (&image[1..], "size was declared as 1048576, the bytes that came have 1048575"),
        (&[&image[..], b"x"].concat(), "size was declared as 1048576, the bytes that came have 1048577"),
    ] {
        let upload = begun(&bed, &image, "presigned");
        bring(&upload, brought);
        let refused = finalize(&bed, &upload);
        assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", says);
        assert_eq!(server.keys(), [""; 0]);
        let gone = finalize(&bed, &upload);
        assert_refused(&gone, StatusCode::NOT_FOUND, "not_found", "there is no such upload");
    }
}

#[test]
fn a_finalize_that_the_bucket_fails_is_asked_again() {
    let (bed, server) = fresh();
    let image = image(MIB);
    let upload = begun(&bed, &image, "presigned");
    bring(&upload, &image);
    // Each request of a finalize fails in turn: copied, removed, read, proven.
    for served in 0..4 {
        let faults = std::iter::repeat_n(Fault::None, served);
        server.next(faults.chain([Fault::Refused(403, "AccessDenied")]));
        let answer = finalize(&bed, &upload);
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{served}");
    }
    server.next([]);
    assert_eq!(finalize(&bed, &upload).status(), StatusCode::CREATED);
}

#[test]
fn devices_with_the_java_sdk_are_spared_what_their_int_cannot_hold() {
    let (bed, _server) = fresh();
    let path = "/api/v1/products/pk/firmware/2/uploads";
    let query = format!("size=2147483648&sha256={}", sha256(b""));
    let refused = bed.operate(Method::POST, &format!("{path}?{query}"), "");
    let says = "devices with the vendor's Java SDK take 2147483647";
    assert_refused(&refused, StatusCode::PAYLOAD_TOO_LARGE, "too_large", says);
    patch(&bed, "/api/v1/products/pk", &json!({"java_sdk": false}));
    assert_eq!(bed.operate(Method::POST, &format!("{path}?{query}"), "").status(), StatusCode::CREATED);
    let query = format!("size=5368709121&sha256={}&via=presigned", sha256(b""));
    let refused = bed.operate(Method::POST, &format!("{path}?{query}"), "");
    let says = "one PUT to a presigned URL takes 5368709120";
    assert_refused(&refused, StatusCode::BAD_REQUEST, "bad_request", says);
}

/// A gateway with two devices, that keeps its firmware in the bucket of a server.
fn fresh() -> (Testbed, S3Server) {
    let server = S3Server::new();
    let mut bed = Testbed::new();
    // A signature says when it was made, and the server knows what time it is.
    bed.pass(SystemClock.now_ms() - START);
    bed.variables.extend(server.variables().into_iter().map(|(name, value)| (name.to_owned(), value)));
    bed.add_product();
    for device in ["d0", "d1"] {
        bed.add_device(device).inform("1");
    }
    (bed, server)
}

fn begun(bed: &Testbed, image: &[u8], via: &str) -> Value {
    let query = format!("size={}&sha256={}&via={via}", image.len(), sha256(image));
    let response = bed.operate(Method::POST, &format!("/api/v1/products/pk/firmware/2/uploads?{query}"), "");
    assert_eq!(response.status(), StatusCode::CREATED);
    json(&response)
}

fn put(bed: &Testbed, upload: &Value, position: usize, bytes: &[u8]) -> Response {
    let upload = upload["upload"].as_str().unwrap();
    bed.operate(Method::PUT, &format!("/api/v1/uploads/{upload}?position={position}"), bytes)
}

fn finalize(bed: &Testbed, upload: &Value) -> Response {
    let upload = upload["upload"].as_str().unwrap();
    bed.operate(Method::POST, &format!("/api/v1/uploads/{upload}/finalize"), "")
}

/// What any HTTP client does with a `put_url`.
fn bring(upload: &Value, bytes: &[u8]) {
    let answer = ureq::put(upload["put_url"].as_str().unwrap()).send(bytes).unwrap();
    assert_eq!(answer.status(), 200);
}

/// The firmware 2 as this device gets it.
fn downloaded(bed: &Testbed, device: &str) -> Vec<u8> {
    if bed.show("/api/v1/jobs")["jobs"] == json!([]) {
        bed.add_job("push", json!({}));
    }
    let device = bed.device(device);
    let told = device.inform("1");
    let request = device.fetch(told.file_url()).body(Vec::new()).unwrap();
    bed.download(&request).response.into_body()
}
