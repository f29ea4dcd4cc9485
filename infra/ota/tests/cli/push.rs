//! `ota firmware push`, call by call: what it sends, and what it makes of each answer.

use std::fs;

use crate::firmware::{ABC, record};
use crate::program::{Outcome, run, words};
use crate::script::{Asked, Script};

/// How far the upload of the three bytes is, of which `slice` are asked for at once.
fn upload(position: u64, slice: u64) -> String {
    format!(r#"{{"upload":"u1","size":3,"position":{position},"slice":{slice}}}"#)
}

fn refusal(code: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{code}, it says","hint":"do this"}}}}"#)
}

/// Pushes the file `abc` to `url`.
fn push(url: &str, flags: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fw.bin");
    fs::write(&file, "abc").unwrap();
    let line = format!("firmware push {} --product demo {flags}", file.display());
    run(url, &words(&line))
}

fn lines(asked: &[Asked]) -> Vec<&str> {
    asked.iter().map(|asked| asked.line.as_str()).collect()
}

#[test]
fn it_begins_sends_slices_and_has_them_finalized() {
    let gateway = Script::new(vec![
        (201, upload(0, 2)),
        (200, upload(2, 2)),
        (200, upload(3, 2)),
        (201, record("2.0/b")),
    ]);
    let flags = "--version 2.0/b --sign-method md5 --must-pass --needs-verification --verify-most 8 \
                 --verify-least 3";
    let stdout = push(&gateway.url, flags).succeeded();
    assert!(stdout.starts_with("firmware  demo 2.0/b\n"), "{stdout}");
    let asked = gateway.asked();
    let begin = format!(
        "POST /api/v1/products/demo/firmware/2.0%2Fb/uploads?size=3&sha256={ABC}\
         &md5=900150983cd24fb0d6963f7d28e17f72&sign_method=md5&must_pass=true&needs_verification=true\
         &verify_most=8&verify_least=3&via=gateway"
    );
    let sent = ["PUT /api/v1/uploads/u1?position=0", "PUT /api/v1/uploads/u1?position=2"];
    assert_eq!(lines(&asked), [&begin, sent[0], sent[1], "POST /api/v1/uploads/u1/finalize"]);
    assert_eq!((&asked[1].body[..], &asked[2].body[..]), (&b"ab"[..], &b"c"[..]));
    assert_eq!(asked[1].headers["content-length"], "2");
    assert!(!asked[1].headers.contains_key("transfer-encoding"));
    assert_eq!(asked[3].headers["authorization"], "Bearer operator-token");
}

#[test]
fn it_goes_on_where_the_gateway_is() {
    let gateway = Script::new(vec![(200, upload(2, 2)), (200, upload(3, 2)), (201, record("2.0"))]);
    let outcome = push(&gateway.url, "--version 2.0");
    assert!(outcome.stderr.starts_with("going on: 2 B of 3 B came before\n"), "{}", outcome.stderr);
    outcome.succeeded();
    let asked = gateway.asked();
    assert_eq!(
        (asked[1].line.as_str(), &asked[1].body[..]),
        ("PUT /api/v1/uploads/u1?position=2", &b"c"[..])
    );
}

#[test]
fn what_is_registered_already_is_said_and_no_error() {
    let gateway = Script::once(&record("2.0"));
    let outcome = push(&gateway.url, "--version 2.0 --json");
    assert!(outcome.stderr.contains("registered already"), "{}", outcome.stderr);
    assert_eq!(outcome.succeeded().lines().count(), 1);
    gateway.asked_once();
}

#[test]
fn a_setback_is_followed_by_another_try() {
    for (status, body) in [
        (409, refusal("wrong_position")),
        (409, refusal("upload_taken")),
        (404, refusal("not_found")),
        (429, refusal("slow_down")),
        (503, String::new()),
        (504, "<html>".to_owned()),
    ] {
        let gateway = Script::new(vec![
            (201, upload(0, 3)),
            (status, body),
            (200, upload(2, 3)),
            (200, upload(3, 3)),
            (201, record("2.0")),
        ]);
        let outcome = push(&gateway.url, "--version 2.0");
        assert!(outcome.stderr.contains("trying again, for 5 min at the most"), "{}", outcome.stderr);
        outcome.succeeded();
        assert_eq!(gateway.asked()[3].line, "PUT /api/v1/uploads/u1?position=2");
    }
}

#[test]
fn a_lost_answer_to_the_last_call_is_found_by_beginning_again() {
    let gateway = Script::new(vec![(200, upload(3, 3)), (404, refusal("not_found")), (200, record("2.0"))]);
    let outcome = push(&gateway.url, "--version 2.0");
    assert!(!outcome.stderr.contains("registered already"), "{}", outcome.stderr);
    assert!(outcome.succeeded().starts_with("firmware  demo 2.0\n"));
    gateway.asked();
}

#[test]
fn patience_ends_and_says_so() {
    let gateway = Script::new(vec![(201, upload(0, 3)), (503, String::new())]);
    let stderr = push(&gateway.url, "--version 2.0 --patience 0").failed(1);
    assert!(stderr.contains("; nothing came forward for 0 s\nhint: the same command goes on"), "{stderr}");
    gateway.asked();
}

#[test]
fn what_speaks_against_the_firmware_ends_it_at_once() {
    for code in ["version_taken", "signature_required", "too_large"] {
        let gateway = Script::new(vec![(409, refusal(code))]);
        let stderr = push(&gateway.url, "--version 2.0").failed(1);
        assert_eq!(stderr, format!("error: {code}, it says (409 Conflict)\nhint: do this\n"));
        gateway.asked_once();
    }
}

#[test]
fn a_presigned_push_goes_to_the_bucket_without_the_token() {
    let bucket = Script::new(vec![(200, String::new())]);
    let open = |position: u64| {
        upload(position, 3).replace('}', &format!(r#","put_url":"{}/b/u1?X=y"}}"#, bucket.url))
    };
    let gateway = Script::new(vec![
        (201, open(0)),
        (409, refusal("not_uploaded")),
        (202, open(1)),
        (202, open(2)),
        (201, record("2.0")),
    ]);
    let outcome = push(&gateway.url, "--version 2.0 --via presigned");
    assert!(outcome.stderr.contains("sent 3 B of 3 B"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("verified 1 B of 3 B"), "{}", outcome.stderr);
    outcome.succeeded();
    let brought = bucket.asked_once();
    assert_eq!((brought.line.as_str(), &brought.body[..]), ("PUT /b/u1?X=y", &b"abc"[..]));
    assert!(!brought.headers.contains_key("authorization"));
    assert!(lines(&gateway.asked())[0].ends_with("&via=presigned"));
}

#[test]
fn what_was_brought_to_the_bucket_before_is_not_brought_again() {
    let gateway = Script::new(vec![(200, upload(0, 3)), (202, upload(2, 3)), (201, record("2.0"))]);
    push(&gateway.url, "--version 2.0 --via presigned").succeeded();
    gateway.asked();
}

#[test]
fn what_the_bucket_says_is_told() {
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let bucket = Script::new(vec![(403, denied.to_owned())]);
    let open = upload(0, 3).replace('}', &format!(r#","put_url":"{}/b/u1"}}"#, bucket.url));
    let gateway = Script::new(vec![(201, open), (409, refusal("not_uploaded"))]);
    let stderr = push(&gateway.url, "--version 2.0 --via presigned").failed(1);
    assert!(stderr.contains("answered 403 Forbidden: AccessDenied: no\n"), "{stderr}");
    bucket.asked();
    gateway.asked();
}
