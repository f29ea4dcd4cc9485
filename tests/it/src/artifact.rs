//! What must have been built before these tests run: there, and not older than its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::workspace;

/// The components, built where `spin.toml` looks for them whatever `CARGO_TARGET_DIR` says.
pub(crate) fn components() {
    const NAMES: [&str; 7] =
        ["inform", "progress", "getversion", "upgrade", "firmware", "access", "operator"];
    let command = format!(
        "cargo build --release --target wasm32-wasip2 --target-dir target {}",
        NAMES.map(|name| format!("-p ota-{name}")).join(" ")
    );
    let folder = workspace().join("target/wasm32-wasip2/release");
    for name in NAMES {
        require(&folder.join(format!("ota_{name}.wasm")), &command);
    }
}

/// The program `ota`, built beside this test.
pub(crate) fn ota() -> PathBuf {
    let path = profile().join("ota");
    require(&path, "cargo build -p ota-cli --bin ota");
    path
}

/// The folder that cargo builds in, above that of the profile.
pub(crate) fn target() -> PathBuf {
    profile().parent().unwrap().to_owned()
}

/// Where this program is, or the folder above where it is a test, in `<profile>/deps`.
fn profile() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    folder.to_owned()
}

/// Fails, with the command to run, unless `artifact` is up to date by the list of sources that cargo left beside it.
fn require(artifact: &Path, command: &str) {
    let run = format!("run in the root of the repository: {command}");
    let Some(built) = modified(artifact) else { panic!("{} is not built\n{run}", artifact.display()) };
    // `cargo test --workspace` leaves none beside the program that it brings up to date.
    let Ok(list) = fs::read_to_string(artifact.with_extension("d")) else { return };
    let (_, sources) = list.split_once(": ").unwrap();
    // Cargo escapes the spaces in a path.
    let sources = sources.trim_end().replace("\\ ", "\u{0}");
    for source in sources.split(' ').map(|source| source.replace('\u{0}', " ")) {
        let is_older = modified(Path::new(&source)).is_none_or(|changed| changed > built);
        assert!(!is_older, "{} is older than {source}\n{run}", artifact.display());
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
