//! How long a command takes on a new machine: from a fresh clone, with nothing downloaded and nothing built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::Workspace;

/// Times `cargo WORDS…`, `demo --json` if there are none, and prints the seconds. What is not committed is not in it.
pub(crate) fn run(workspace: &Workspace, words: &[&str]) -> Result<ExitCode> {
    let words = if words.is_empty() { &["demo", "--json"] } else { words };
    let place = Place::new(workspace)?;
    let mut git = process::program("git", workspace.root());
    process::run(git.args(["clone", "--quiet"]).arg(workspace.root()).arg(&place.clone))?;
    copy_configuration(&place.cargo_home)?;
    let begun = Instant::now();
    process::run(cold_cargo(&place).args(words))?;
    let seconds = begun.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism()?.get();
    println!("cold: cargo {} took {seconds:.0} s on {cores} cores", words.join(" "));
    Ok(ExitCode::SUCCESS)
}

/// A folder of its own, deleted in the end.
struct Place {
    folder: PathBuf,
    clone: PathBuf,
    cargo_home: PathBuf,
}

impl Place {
    fn new(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target().join(format!("cold-{}", std::process::id()));
        let place = Self { clone: folder.join("clone"), cargo_home: folder.join("cargo"), folder };
        fs::create_dir_all(&place.cargo_home).context("cannot make a folder for the clone")?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left over: {error}", self.folder.display());
        }
    }
}

/// How this machine reaches the registry is no part of what is measured.
fn copy_configuration(cargo_home: &Path) -> Result<()> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    for name in ["config.toml", "config"] {
        let from = home.as_deref().unwrap_or(Path::new("")).join(name);
        if from.is_file() {
            fs::copy(&from, cargo_home.join(name))
                .with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}

/// The cargo of the clone's own toolchain.
fn cold_cargo(place: &Place) -> Command {
    let mut cargo = process::program("cargo", &place.clone);
    cargo.env("CARGO_HOME", &place.cargo_home);
    for variable in ["CARGO_TARGET_DIR", "CARGO", "RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT"] {
        cargo.env_remove(variable);
    }
    cargo
}
