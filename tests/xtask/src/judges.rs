//! `tests/JUDGES.md`: what programs that others wrote say of a download.

use std::fs;

use anyhow::{Context as _, Result};

use crate::proofs;
use crate::steps::Done;
use crate::suite::Programs;
use crate::workspace::Workspace;

/// What is written, from the root.
const PAGE: &str = "tests/JUDGES.md";

/// Has them judge, over the components that are built already. The page is written only when all of them are content.
pub(crate) fn run(workspace: &Workspace, programs: &Programs) -> Result<Done> {
    let page = proofs::said(workspace, programs, "ota-judges")?;
    fs::write(workspace.root().join(PAGE), &page).with_context(|| format!("cannot write {PAGE}"))?;
    let sum = page.lines().last().unwrap_or_default();
    Ok(Done::passed(format!("{sum} What they say is in {PAGE}")))
}
