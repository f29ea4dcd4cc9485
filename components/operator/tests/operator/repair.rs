//! A damaged firmware is made whole by the same bytes.

use http::{Method, StatusCode};
use ota_testbed::{Testbed, image, json};
use serde_json::json;

use crate::assert_refused;

#[test]
fn the_same_bytes_again_make_a_quarantined_firmware_whole() {
    let image = image(300_000);
    let bed = Testbed::with_fleet(2, &image);
    let job = bed.add_job("push", json!({}));
    let device = bed.device("d0");
    let told = device.inform("1");
    let keys = bed.kv.keys("image:");
    let piece = keys.iter().find(|key| key.ends_with(":0")).unwrap();
    bed.kv.alter(piece, |piece| piece.as_mut().unwrap()[0] ^= 1);
    let request = device.fetch(told.file_url()).body(Vec::new()).unwrap();
    assert_eq!(bed.download(&request).response.status(), StatusCode::GONE);
    assert_eq!(bed.job(&job)["state"], "held");

    let other = bed.upload("2", "", b"other bytes");
    assert_refused(&other, StatusCode::CONFLICT, "version_taken", "registered with other bytes");
    let repaired = bed.upload("2", "", &image);
    assert_eq!((repaired.status(), &json(&repaired)["quarantined"]), (StatusCode::OK, &json!(false)));
    assert!(bed.events().contains(&"firmware_repaired".to_owned()));
    assert_eq!(bed.job(&job)["state"], "held", "resuming is for people");
    let resumed = bed.operate(Method::POST, &format!("/api/v1/jobs/{job}/resume"), "");
    assert_eq!(resumed.status(), StatusCode::OK);

    // Not before whoever was sent there is done.
    bed.pass(600_000);
    bed.sweep("b", &[]);
    let left = bed.kv.keys("image:");
    assert!(left.iter().all(|key| !keys.contains(key)), "the damaged object is gone: {left:?}");
    let device = bed.device("d1");
    let told = device.inform("1");
    let request = device.fetch(told.file_url()).body(Vec::new()).unwrap();
    assert_eq!(bed.download(&request).response.body(), &image);
}
