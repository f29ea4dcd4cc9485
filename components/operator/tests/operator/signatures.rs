//! Who released a firmware: checked where its bytes come in, and required where somebody said so.

use ed25519_dalek::{Signer as _, SigningKey};
use http::{Method, StatusCode};
use ota_testbed::{Testbed, json, sha256};
use serde_json::json;

use crate::{IMAGE, assert_refused, patch, post};

#[test]
fn a_signature_by_a_key_of_the_product_is_kept_and_any_other_is_refused() {
    let bed = fresh();
    let (ours, other) = (key(1), key(2));
    let good = signature(&ours, "pk", "2", IMAGE);
    let refused = bed.upload("2", &format!("?signature={good}"), IMAGE);
    assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, "bad_signature", "pk has no signing_keys");
    set(&bed, &json!({"signing_keys": [public(&other), public(&ours).to_uppercase(), public(&ours)]}));
    for bad in [
        signature(&key(3), "pk", "2", IMAGE),
        signature(&ours, "kp", "2", IMAGE),
        signature(&ours, "pk", "3", IMAGE),
        signature(&ours, "pk", "2", b"firmwarf"),
    ] {
        let refused = bed.upload("2", &format!("?signature={bad}"), IMAGE);
        let says = "the signature is by none of the 2 signing_keys of product pk";
        assert_refused(&refused, StatusCode::UNPROCESSABLE_ENTITY, "bad_signature", says);
    }
    assert_eq!(bed.kv.keys("image:"), [""; 0]);
    let taken = bed.upload("2", &format!("?signature={good}"), IMAGE);
    assert_eq!((taken.status(), &json(&taken)["signed_by"]), (StatusCode::CREATED, &json!(public(&ours))));
}

#[test]
fn where_signatures_are_required_nothing_comes_in_without_one() {
    let bed = fresh();
    set(&bed, &json!({"signing_keys": [public(&key(1))], "requires_signature": true}));
    let calls = bed.kv.count();
    let says = "product pk takes no firmware without a signature";
    assert_refused(&bed.upload("2", "", IMAGE), StatusCode::UNPROCESSABLE_ENTITY, "signature_required", says);
    let query = format!("size=8&sha256={}", sha256(IMAGE));
    let path = format!("/api/v1/products/pk/firmware/2/uploads?{query}");
    let begun = bed.operate(Method::POST, &path, "");
    assert_refused(&begun, StatusCode::UNPROCESSABLE_ENTITY, "signature_required", says);
    assert_eq!(bed.kv.count(), calls, "before a byte is stored");
    let good = signature(&key(1), "pk", "2", IMAGE);
    assert_eq!(bed.upload("2", &format!("?signature={good}"), IMAGE).status(), StatusCode::CREATED);
    set(&bed, &json!({"requires_signature": false}));
    assert_eq!(bed.upload("3", "", IMAGE).status(), StatusCode::CREATED);
}

#[test]
fn a_key_that_was_taken_away_while_bytes_came_registers_nothing_and_costs_no_bytes() {
    let bed = fresh();
    set(&bed, &json!({"signing_keys": [public(&key(1))], "requires_signature": true}));
    let good = signature(&key(1), "pk", "2", IMAGE);
    let path = format!("/api/v1/products/pk/firmware/2/uploads?size=8&sha256={}", sha256(IMAGE));
    let begun = bed.operate(Method::POST, &format!("{path}&signature={good}"), "");
    let upload = format!("/api/v1/uploads/{}", json(&begun)["upload"].as_str().unwrap());
    bed.operate(Method::PUT, &format!("{upload}?position=0"), IMAGE);
    set(&bed, &json!({"signing_keys": [public(&key(2))]}));
    let finalize = || bed.operate(Method::POST, &format!("{upload}/finalize"), "");
    let says = "the signature is by none of the 1 signing_keys of product pk";
    assert_refused(&finalize(), StatusCode::UNPROCESSABLE_ENTITY, "bad_signature", says);
    set(&bed, &json!({"signing_keys": [public(&key(1))]}));
    assert_eq!(finalize().status(), StatusCode::CREATED, "the bytes were kept");
}

#[test]
fn a_gateway_may_require_signatures_of_all_products() {
    for (said, status) in [
        ("required", StatusCode::UNPROCESSABLE_ENTITY),
        ("on", StatusCode::UNPROCESSABLE_ENTITY),
        ("optional", StatusCode::CREATED),
        ("", StatusCode::CREATED),
    ] {
        let mut bed = fresh();
        bed.variables.insert("signatures".to_owned(), said.to_owned());
        assert_eq!(bed.upload("2", "", IMAGE).status(), status, "{said:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_and_named() {
    let bed = fresh();
    let key = public(&key(1));
    let nine: Vec<_> = (0..9).map(|n| public(&self::key(n))).collect();
    let weak = format!("01{}", "00".repeat(31));
    for (keys, says) in [
        (json!([""]), "signing_keys: \"\": not an Ed25519 public key"),
        (json!([key, "ab"]), "signing_keys: \"ab\": not an Ed25519 public key"),
        (json!([weak]), "not an Ed25519 public key"),
        (json!(nine), "9 signing_keys, at most 8"),
        (json!(key), "signing_keys: invalid type"),
    ] {
        let response = patch(&bed, "/api/v1/products/pk", &json!({"signing_keys": keys}));
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
        let response = post(&bed, "/api/v1/products", &json!({"product": "new", "signing_keys": keys}));
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
    }
    let new = json!({"product": "new", "signing_keys": [key], "requires_signature": true, "java_sdk": false});
    let created = json(&post(&bed, "/api/v1/products", &new));
    for field in ["signing_keys", "requires_signature", "java_sdk"] {
        assert_eq!(created[field], new[field]);
    }
    let detail = format!("signed by {key}, signatures are required, devices do not use the Java SDK");
    set(&bed, &json!({"signing_keys": [key], "requires_signature": true, "java_sdk": false}));
    let events = bed.show("/api/v1/events?limit=1000");
    assert!(events.to_string().contains(&detail), "{events}");
}

fn fresh() -> Testbed {
    let bed = Testbed::new();
    bed.add_product();
    bed
}

fn set(bed: &Testbed, body: &serde_json::Value) {
    assert_eq!(patch(bed, "/api/v1/products/pk", body).status(), StatusCode::OK);
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

fn signature(key: &SigningKey, product: &str, version: &str, image: &[u8]) -> String {
    let (size, sha256) = (image.len(), sha256(image));
    let statement =
        format!("ota-firmware\nproduct {product}\nversion {version}\nsize {size}\nsha256 {sha256}\n");
    hex::encode(key.sign(statement.as_bytes()).to_bytes())
}
