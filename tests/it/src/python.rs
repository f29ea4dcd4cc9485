//! The vendor's own SDK, unmodified from `PyPI`, in a virtual environment beside what cargo builds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::artifact;
use crate::identity::Identity;
use crate::program::Program;

/// Runs `python/<script>.py` as the device `identity`, which connects to `mqtt`.
pub fn sdk(script: &str, mqtt: std::net::SocketAddr, identity: &Identity) -> Program {
    let Identity { product, device, secret } = identity;
    let mut command = tokio::process::Command::new(python());
    command.arg(folder().join(script).with_extension("py")).args([
        &mqtt.to_string(),
        product,
        device,
        secret,
    ]);
    // The scripts are no place for what Python compiles.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Program::start(command)
}

/// The Python that has the SDK; set up when it is asked for first, which needs `python3` and `PyPI`.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(set_up)
}

/// Idempotent, and safe in several processes at once.
fn set_up() -> PathBuf {
    let requirements = folder().join("requirements.txt");
    let place = artifact::target().join("python");
    let interpreter = place.join("venv/bin/python");
    fs::create_dir_all(&place).unwrap();
    let lock = File::create(place.join("lock")).unwrap();
    lock.lock().unwrap();
    // What was installed last; written when that has succeeded.
    let installed = place.join("requirements.txt");
    let wanted = fs::read(&requirements).unwrap();
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return interpreter;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place.join("venv")));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
    run(Command::new(&interpreter).args(pip).arg(&requirements));
    fs::write(&installed, wanted).unwrap();
    interpreter
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
}

fn run(command: &mut Command) {
    let needs = "the SDK's tests need Python 3.9 or later with venv and pip, and PyPI once";
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}\n{needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed\n{said}\n{needs}");
}
