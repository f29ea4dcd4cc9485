//! `ota firmware`.

use std::fs;

use crate::program::{run, words};
use crate::script::Script;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn record(version: &str) -> String {
    format!(
        r#"{{"product":"demo","version":"{version}","sequence":1,"size":3,"md5":"m","sha256":"{ABC}",
            "sign_method":"md5","quarantined":false}}"#
    )
}

#[test]
fn push_sends_the_file_with_its_length_and_digest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fw.bin");
    fs::write(&file, "abc").unwrap();
    let gateway = Script::new(vec![(201, record("2.0 beta/1"))]);
    let file = file.to_str().unwrap();
    let arguments =
        ["firmware", "push", file, "--product", "demo", "--version", "2.0 beta/1", "--sign-method", "md5"];
    let stdout = run(&gateway.url, &arguments).succeeded();
    assert!(stdout.contains("firmware  demo 2.0 beta/1\n"), "{stdout}");
    let asked = gateway.asked_once();
    assert_eq!(
        asked.line,
        format!("PUT /api/v1/products/demo/firmware/2.0%20beta%2F1?sha256={ABC}&sign_method=md5")
    );
    assert_eq!((asked.headers["content-length"].as_str(), &asked.body[..]), ("3", &b"abc"[..]));
    assert!(!asked.headers.contains_key("transfer-encoding"));
}

#[test]
fn push_of_a_large_file_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fw.bin");
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|i| i.to_le_bytes()[1]).collect();
    fs::write(&file, &bytes).unwrap();
    let gateway = Script::new(vec![(201, record("2.0"))]);
    let file = file.to_str().unwrap();
    run(&gateway.url, &["firmware", "push", file, "--product", "demo", "--version", "2.0", "--json"])
        .succeeded();
    assert!(gateway.asked_once().body == bytes);
}

#[test]
fn push_of_what_is_no_file_calls_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("absent")] {
        let path = path.to_str().unwrap();
        let arguments = ["firmware", "push", path, "--product", "demo", "--version", "2.0"];
        let stderr = run("http://127.0.0.1:9", &arguments).failed(5);
        assert!(stderr.contains(path), "{stderr}");
    }
}

#[test]
fn list_marks_quarantined_firmware() {
    let bad = record("2.0").replace("false", "true");
    let gateway = Script::once(&format!(r#"{{"firmware":[{},{bad}]}}"#, record("1.0")));
    let stdout = run(&gateway.url, &words("firmware list demo")).succeeded();
    let ends: Vec<_> = stdout.lines().filter_map(|line| line.rsplit("  ").next()).collect();
    assert_eq!(ends, ["STATE", "good", "quarantined"]);
}

#[test]
fn push_sends_what_the_firmware_asks_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fw.bin");
    fs::write(&file, "abc").unwrap();
    let asks = r#""quarantined":false,"must_pass":true,"needs_verification":true,"verified":false"#;
    let gateway = Script::new(vec![(201, record("2.0").replace(r#""quarantined":false"#, asks))]);
    let line = format!(
        "firmware push {} --product demo --version 2.0 --must-pass --needs-verification \
         --verify-most 8 --verify-least 3",
        file.display()
    );
    let stdout = run(&gateway.url, &words(&line)).succeeded();
    assert!(stdout.ends_with("duties    must pass, needs verification\n"), "{stdout}");
    assert_eq!(
        gateway.asked_once().line,
        format!(
            "PUT /api/v1/products/demo/firmware/2.0?sha256={ABC}&must_pass=true&needs_verification=true\
             &verify_most=8&verify_least=3"
        )
    );
}
