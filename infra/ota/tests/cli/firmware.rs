//! `ota firmware`: what calls nobody, and the list.

use crate::program::{run, words};
use crate::script::Script;

pub(crate) const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

pub(crate) fn record(version: &str) -> String {
    format!(
        r#"{{"product":"demo","version":"{version}","sequence":1,"size":3,"md5":"m","sha256":"{ABC}",
            "sign_method":"md5","quarantined":false}}"#
    )
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
