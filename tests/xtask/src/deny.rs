//! Licences, sources, duplicates and advisories of the dependencies, by cargo-deny, which is installed if it is missing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::steps::Done;
use crate::workspace::Workspace;

/// The newest that this toolchain builds.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny beside the build, unless it is there. Without optimisation: that builds in a third of the time,
/// and it runs for a second.
pub(crate) fn install(workspace: &Workspace) -> Result<Done> {
    let said = deny(workspace).arg("--version").output();
    let has = said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim_end().ends_with(VERSION));
    if has {
        return Ok(Done::passed(format!("{VERSION} was there")));
    }
    let tools = tools(workspace);
    let mut cargo = process::cargo(workspace.root());
    cargo.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug"]);
    cargo.arg("--root").arg(&tools).arg("--target-dir").arg(tools.join("build"));
    process::run(cargo.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    Ok(Done::passed(format!("{VERSION} installed")))
}

/// Everything that needs nothing from outside.
pub(crate) fn check(workspace: &Workspace) -> Result<Done> {
    process::run(deny(workspace).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    Ok(Done::passed("bans, licences and sources"))
}

/// Known vulnerabilities. Their database lies on no registry: where it cannot be fetched, nothing was checked.
pub(crate) fn advisories(workspace: &Workspace) -> Result<Done> {
    if !process::succeeds(deny(workspace).args(["fetch", "db"])) {
        return Ok(Done::not_run("the RustSec database cannot be fetched here: no advisory was checked"));
    }
    process::run(deny(workspace).args(["check", "--disable-fetch", "advisories"]))?;
    Ok(Done::passed(""))
}

fn deny(workspace: &Workspace) -> Command {
    process::program(tools(workspace).join("bin/cargo-deny"), workspace.root())
}

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.target().join("tools")
}
