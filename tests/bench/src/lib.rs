//! What the gateway costs: one table, each row a ratio against a baseline that was measured in the same run.
//!
//! Machines differ and so do days; a ratio of two numbers from one run says the same on all of them. Everything
//! runs over loopback, for a few minutes: in this process, or in others like it where memory and processors are told
//! apart.

mod connection;
mod cost;
mod crowd;
mod download;
mod file_server;
mod gateway;
mod inform;
mod latency;
mod load;
mod memory;
mod nginx;
mod page;
mod part;
mod process;
mod scale;
mod sizes;
mod slow;
mod start_up;
mod statements;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use page::Page;

/// The parts of the table, in its order.
const PARTS: [&str; 9] =
    ["statements", "sizes", "scale", "start-up", "inform", "download", "cost", "memory", "crowd"];

/// Where components are built, from the root.
const WASM: &str = "target/wasm32-wasip2/release";

/// Measures the parts that `asked` names and prints their table; all of them, and writes the page, when it names none.
pub fn run(asked: &[String]) -> Result<()> {
    if let [part::SERVE, part] = asked.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        return part::serve(part);
    }
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
            "download" => runtime.block_on(download::rows())?,
            "cost" => runtime.block_on(cost::rows())?,
            "memory" => runtime.block_on(memory::rows())?,
            _ => runtime.block_on(crowd::rows())?,
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

/// The components that ship, where `spin.toml` looks for them, and beside them the one that verifies nothing.
fn build_components() -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"]);
    cargo.args(["--target-dir", "target"]);
    cargo.args(sizes::COMPONENTS.iter().flat_map(|name| ["-p".to_owned(), format!("ota-{name}")]));
    cargo.args(["-p", "ota-bench-guest"]);
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "the components do not build ({status})");
    Ok(())
}
