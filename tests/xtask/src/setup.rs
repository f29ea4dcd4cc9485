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

/// A package of Debian's, and a command that succeeds where what it brings is there.
const PACKAGES: [(&str, &str); 4] = [
    ("postgresql", "command -v initdb || ls /usr/lib/postgresql/*/bin/initdb"),
    ("curl", "command -v curl"),
    ("wget", "command -v wget"),
    ("aria2", "command -v aria2c"),
];

/// The server of Postgres, which tests start for themselves, and the programs that judge downloads: Debian's are
/// installed, all at once, where there are none.
pub(crate) fn packages(workspace: &Workspace) -> Result<()> {
    let missing = missing(workspace);
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(" ");
    let install = format!(
        "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {missing}"
    );
    let mut shell = process::program("sh", workspace.root());
    let installed = process::run(shell.args([
        "-c",
        &format!("if [ \"$(id -u)\" = 0 ]; then {install}; else sudo -n sh -c '{install}'; fi"),
    ]));
    installed.with_context(|| {
        format!(
            "{missing} is needed, as root or with sudo it is installed (on Debian: apt-get install {missing})"
        )
    })?;
    let still = self::missing(workspace);
    ensure!(still.is_empty(), "{} was installed, and is not where it is looked for", still.join(" "));
    Ok(())
}

fn missing(workspace: &Workspace) -> Vec<&'static str> {
    let is_missing = |probe: &str| {
        let mut shell = process::program("sh", workspace.root());
        !process::succeeds(shell.args(["-c", probe]))
    };
    PACKAGES.iter().filter(|(_, probe)| is_missing(probe)).map(|(package, _)| *package).collect()
}
