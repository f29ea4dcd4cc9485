//! What the gateway costs: one table, each row a ratio against a baseline that was measured in the same run.
//!
//! Machines differ and so do days; a ratio of two numbers from one run says the same on all of them. Everything
//! runs in this process, over loopback, for a few minutes.

mod connection;
mod download;
mod file_server;
mod gateway;
mod inform;
mod load;
mod page;
mod scale;
mod sizes;
mod start_up;
mod statements;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use page::Page;

/// The parts of the table, in its order.
const PARTS: [&str; 6] = ["statements", "sizes", "scale", "start-up", "inform", "download"];

/// Measures the parts that `asked` names and prints their table; all of them, and writes the page, when it names none.
pub fn run(asked: &[String]) -> Result<()> {
    for part in asked {
        ensure!(PARTS.contains(&part.as_str()), "there is no part {part}; there are {}", PARTS.join(", "));
    }
    build_components()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for part in PARTS.into_iter().filter(|part| asked.is_empty() || asked.iter().any(|one| one == part)) {
        rows.extend(match part {
            "statements" => statements::rows(),
            "sizes" => sizes::rows()?,
            "scale" => scale::rows()?,
            "start-up" => runtime.block_on(start_up::rows())?,
            "inform" => runtime.block_on(inform::rows())?,
            _ => runtime.block_on(download::rows())?,
        });
    }
    let page = Page::new(rows)?;
    print!("{}", page.text());
    if !asked.is_empty() {
        return Ok(());
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::write(&readme, page.markdown()).with_context(|| format!("cannot write {}", readme.display()))
}

/// The repository.
fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The components that ship, where `spin.toml` looks for them.
fn build_components() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"]);
    cargo.args(["--target-dir", "target"]);
    cargo.args(sizes::COMPONENTS.iter().flat_map(|name| ["-p".to_owned(), format!("ota-{name}")]));
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "the components do not build ({status})");
    Ok(())
}
