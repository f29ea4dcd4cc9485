//! Packages of `PyPI`, each set in a virtual environment of its own beside what cargo builds.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifact;

/// The programs of the environment `name`, which has what the file `requirements` pins. Set up when it is asked for
/// first, which needs `python3` and `PyPI`; idempotent, and safe in several processes at once.
pub fn programs(name: &str, requirements: &Path) -> PathBuf {
    let place = artifact::target().join(name);
    let bin = place.join("venv/bin");
    fs::create_dir_all(&place).unwrap();
    let lock = File::create(place.join("lock")).unwrap();
    lock.lock().unwrap();
    // What was installed last; written when that has succeeded.
    let installed = place.join("requirements.txt");
    let wanted = fs::read(requirements).unwrap();
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return bin;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place.join("venv")));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
    run(Command::new(bin.join("python")).args(pip).arg(requirements));
    fs::write(&installed, wanted).unwrap();
    bin
}

fn run(command: &mut Command) {
    let needs = "this needs Python 3.9 or later with venv and pip, and PyPI once";
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}\n{needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed\n{said}\n{needs}");
}
