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

use page::{Page, Row};

/// Measures everything, prints the table, writes the page.
pub fn run() -> Result<()> {
    build_components()?;
    let mut rows = statements::rows();
    rows.extend(sizes::rows()?);
    rows.extend(scale::rows()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    rows.extend(runtime.block_on(served())?);
    let page = Page::new(rows)?;
    print!("{}", page.text());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::write(&readme, page.markdown()).with_context(|| format!("cannot write {}", readme.display()))
}

/// What is measured over sockets.
async fn served() -> Result<Vec<Row>> {
    let mut rows = start_up::rows().await?;
    rows.extend(inform::rows().await?);
    rows.extend(download::rows().await?);
    Ok(rows)
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
