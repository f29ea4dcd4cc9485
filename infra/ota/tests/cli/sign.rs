//! Signatures: made here, made by hand, checked by a real gateway.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::gateway::Up;
use crate::program::{run, words};

/// RFC 8410 §10.3, and the public half of it.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";
const HEX: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

/// A folder with both halves of the key and the file `abc`.
fn ground() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("key.pem", PRIVATE), ("public.pem", PUBLIC), ("fw.bin", "abc")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The signature of the file there as version 2.0 of the product `demo`.
fn signature(folder: &Path, version: &str) -> Value {
    let at = folder.display();
    let line =
        format!("firmware sign {at}/fw.bin --product demo --version {version} --key {at}/key.pem --json");
    serde_json::from_str(&run("http://127.0.0.1:9", &words(&line)).succeeded()).unwrap()
}

#[test]
fn the_commands_in_the_help_make_the_same_signature() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("NOT TESTED: there is no openssl here");
        return;
    }
    let help = run("http://127.0.0.1:9", &words("firmware sign --help")).succeeded();
    let (_, by_hand) = help.split_once("by hand:\n").unwrap();
    let (by_hand, _) = by_hand.split_once("\nA key").unwrap();
    let folder = ground();
    let made = Command::new("sh")
        .args(["-e", "-c", by_hand])
        .envs([("PK", "demo"), ("V", "2.0 b"), ("FILE", "fw.bin"), ("KEY", "key.pem")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let by_hand = String::from_utf8(made.stdout).unwrap();
    assert_eq!(by_hand.len(), 128, "{}", String::from_utf8_lossy(&made.stderr));
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, key) = (at("fw.bin"), at("key.pem"));
    let arguments = ["firmware", "sign", &file, "--product", "demo", "--version", "2.0 b", "--key", &key];
    assert_eq!(run("http://127.0.0.1:9", &arguments).succeeded().trim_end(), by_hand);
}

#[test]
fn a_signature_says_what_it_is_of() {
    let signed = signature(ground().path(), "2.0");
    assert_eq!(
        (&signed["product"], &signed["version"], &signed["size"]),
        (&"demo".into(), &"2.0".into(), &3.into())
    );
    assert_eq!((&signed["sha256"], &signed["public_key"]), (&crate::firmware::ABC.into(), &HEX.into()));
}

#[test]
fn a_product_that_requires_signatures_takes_good_ones_only() {
    let (folder, up) = (ground(), Up::start());
    let at = folder.path().display();
    up.run(&format!("product add demo --signing-key {at}/public.pem --require-signatures true")).succeeded();
    let push = format!("firmware push {at}/fw.bin --product demo --version 2.0");
    let stderr = up.run(&push).failed(1);
    assert!(stderr.contains("takes no firmware without a signature (422"), "{stderr}");
    assert!(stderr.contains("hint: sign it: ota firmware push --sign-with KEY.pem"), "{stderr}");

    let of_another = signature(folder.path(), "2.1")["signature"].as_str().unwrap().to_owned();
    let stderr = up.run(&format!("{push} --signature {of_another}")).failed(1);
    assert!(stderr.contains("by none of the 1 signing_keys"), "{stderr}");

    let own = signature(folder.path(), "2.0")["signature"].as_str().unwrap().to_owned();
    let pushed = up.json(&format!("{push} --signature {own}"));
    assert_eq!(pushed["signed_by"], HEX);
    let pushed = up.run(&push.replace("2.0", &format!("2.1 --sign-with {at}/key.pem"))).succeeded();
    assert!(pushed.contains(&format!("\nsigned by {HEX}")), "{pushed}");
}

#[test]
fn what_is_no_key_or_signature_calls_nobody() {
    let folder = ground();
    let at = folder.path().display();
    let push = format!("firmware push {at}/fw.bin --product demo --version 2.0");
    run("http://127.0.0.1:9", &words(&format!("{push} --signature abc"))).failed(2);
    run("http://127.0.0.1:9", &words(&format!("product set demo --signing-key {at}/key.pem"))).failed(2);
    let stderr = run("http://127.0.0.1:9", &words(&format!("{push} --sign-with {at}/public.pem"))).failed(5);
    assert!(stderr.contains("no Ed25519 private key"), "{stderr}");
}
