//! `ota up` and `ota demo` as far as they go without components: what stops them, and what they say then.
//! Their lives with components are in the system tests.

use std::fs;
use std::net::TcpListener;

use crate::program::run;

/// A manifest whose only component is not built.
fn manifest(folder: &std::path::Path) -> String {
    let path = folder.join("spin.toml");
    let text = "spin_manifest_version = 2\n[component.inform]\nsource = \"target/wasm32-wasip2/release/ota_inform.wasm\"\n";
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_a_manifest_it_says_where_one_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state");
    let absent = folder.path().join("spin.toml");
    for command in ["up", "demo"] {
        let arguments = [command, "--manifest", absent.to_str().unwrap()];
        let stderr = run("http://127.0.0.1:9", &arguments).failed(5);
        assert!(stderr.contains("hint: run this inside the gateway's repository"), "{stderr}");
    }
    assert!(!dir.exists());
}

#[test]
fn a_component_that_is_not_built_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, dir) = (manifest(folder.path()), folder.path().join("state"));
    let arguments = [
        "up",
        "--manifest",
        &manifest,
        "--dir",
        dir.to_str().unwrap(),
        "--http",
        "127.0.0.1:0",
        "--no-build",
    ];
    let stderr = run("http://127.0.0.1:9", &arguments).failed(5);
    assert!(stderr.contains("ota_inform.wasm is missing"), "{stderr}");
    assert!(stderr.contains("-p ota-inform"), "{stderr}");
}

#[test]
fn secrets_are_made_on_the_first_start_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, dir) = (manifest(folder.path()), folder.path().join("state"));
    let arguments = ["up", "--manifest", &manifest, "--dir", dir.to_str().unwrap(), "--no-build"];
    let secrets = || fs::read_to_string(dir.join("secrets.toml")).unwrap();
    run("http://127.0.0.1:9", &arguments).failed(5);
    let first = secrets();
    assert!(!first.contains("operator-token"), "the given token is for one run");
    run("http://127.0.0.1:9", &arguments).failed(5);
    assert_eq!(secrets(), first);
}

#[test]
fn a_taken_port_is_exit_code_5_with_the_flag_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spin.toml");
    fs::write(&path, "spin_manifest_version = 2\n").unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, dir) = (held.local_addr().unwrap().to_string(), folder.path().join("state"));
    let manifest = path.to_str().unwrap();
    let arguments = ["up", "--manifest", manifest, "--dir", dir.to_str().unwrap(), "--http", &taken];
    let stderr = run("http://127.0.0.1:9", &arguments).failed(5);
    assert!(stderr.contains(&format!("{taken} is taken")) && stderr.contains("--http"), "{stderr}");
}
