//! Where things are in this repository: its root, its packages, the components that `spin.toml` names.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// The target of the components.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// Where they are built, from the root, whatever `CARGO_TARGET_DIR` says: `spin.toml` names this folder.
pub(crate) const WASM_TARGET: &str = "target";

/// The repository that holds this program.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The one above the current folder.
    pub(crate) fn find() -> Result<Self> {
        let here = env::current_dir()?;
        let Some(root) = here.ancestors().find(|folder| folder.join("spin.toml").is_file()) else {
            bail!("{} is not inside the gateway's repository", here.display());
        };
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |set| root.join(set));
        Ok(Self { root: root.to_owned(), target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds for this machine.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// `path` as seen from the root, for people and for the evidence.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The text of a file, by its path from the root.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }

    /// The packages of the components, in the order of `spin.toml`.
    pub(crate) fn components(&self) -> Result<Vec<String>> {
        let components = components(&self.read("spin.toml")?);
        if components.is_empty() {
            bail!("spin.toml names no component of this workspace");
        }
        Ok(components)
    }

    /// The paths of all files that git knows or would add.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut git = process::program("git", &self.root);
        let listed = process::read(git.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
        let files = listed.lines().map(str::to_owned);
        // A file that is deleted and not yet committed is still listed.
        Ok(files.filter(|path| self.root.join(path).is_file()).collect())
    }
}

fn components(manifest: &str) -> Vec<String> {
    let stem = |line: &str| {
        let path = line.strip_prefix("source")?.trim_start().strip_prefix('=')?.trim().trim_matches('"');
        let file = path.strip_prefix("target/wasm32-wasip2/release/")?;
        Some(file.strip_suffix(".wasm")?.replace('_', "-"))
    };
    manifest.lines().filter_map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_those_that_the_manifest_takes_from_this_workspace() {
        let manifest = "[component.a]\nsource = \"target/wasm32-wasip2/release/ota_a_b.wasm\"\n\
            [component.c]\nsource = { url = \"https://example.com/c.wasm\" }\n";
        assert_eq!(components(manifest), ["ota-a-b"]);
    }

    #[test]
    fn this_repository_has_its_seven_components() {
        let workspace = Workspace::find().unwrap();
        assert_eq!(workspace.components().unwrap().len(), 7);
    }
}
