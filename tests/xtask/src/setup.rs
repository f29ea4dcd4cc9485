//! What a new machine lacks, brought by the ordinary clients: the target of the components, and Python packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::{WASM, Workspace};

/// What the system tests need of Python, from the root.
const REQUIREMENTS: &str = "tests/it/python/requirements.txt";

/// Adds the target of the components, unless the toolchain has it.
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<()> {
    let mut rustc = process::program("rustc", workspace.root());
    let folder = process::read(rustc.args(["--print", "target-libdir", "--target", WASM]))?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    let mut rustup = process::program("rustup", workspace.root());
    process::run(rustup.args(["target", "add", WASM]))
}

/// A Python of its own with the packages of the system tests; the path of its interpreter.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf> {
    let wanted = workspace.read(REQUIREMENTS)?;
    let folder = workspace.target().join("python");
    let interpreter = folder.join("bin/python");
    let installed = folder.join("requirements.txt");
    if interpreter.is_file() && fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(interpreter);
    }
    let mut python = process::program("python3", workspace.root());
    process::run(python.args(["-m", "venv", "--clear"]).arg(&folder))
        .context("Python 3 with its venv module is needed (on Debian: python3-venv)")?;
    let mut pip = process::program(&interpreter, workspace.root());
    process::run(pip.args(["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS]))?;
    // Last, so that an installation that broke off is begun anew.
    fs::write(installed, wanted)?;
    Ok(interpreter)
}
