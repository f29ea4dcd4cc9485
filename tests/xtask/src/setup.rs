//! What a new machine lacks, brought by the ordinary clients or asked for.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::workspace::{WASM, Workspace};

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

/// Whether the system tests will find a Python that can install their packages; they install them themselves.
pub(crate) fn python(workspace: &Workspace) -> Result<()> {
    let mut python = process::program("python3", workspace.root());
    process::run(python.args(["-c", "import ensurepip, sys, venv; assert sys.version_info >= (3, 9)"]))
        .context("Python 3.9 or later with venv and pip is needed (on Debian: apt-get install python3-venv)")
}

/// The server of Postgres, which tests start for themselves: Debian's is installed unless there is one.
pub(crate) fn postgres(workspace: &Workspace) -> Result<()> {
    let has_server = || {
        let mut shell = process::program("sh", workspace.root());
        process::succeeds(shell.args(["-c", "command -v initdb || ls /usr/lib/postgresql/*/bin/initdb"]))
    };
    if has_server() {
        return Ok(());
    }
    let install = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql";
    let mut shell = process::program("sh", workspace.root());
    let installed = process::run(shell.args([
        "-c",
        &format!("if [ \"$(id -u)\" = 0 ]; then {install}; else sudo -n sh -c '{install}'; fi"),
    ]));
    installed.context(
        "PostgreSQL is needed, as root or with sudo it is installed (on Debian: apt-get install postgresql)",
    )?;
    ensure!(
        has_server(),
        "postgresql was installed, and initdb is neither on the path nor in /usr/lib/postgresql/*/bin"
    );
    Ok(())
}
