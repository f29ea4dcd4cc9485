//! The components that `spin.toml` names: where they are, and how they are built inside the workspace.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde::Deserialize;
use tokio::process::Command;

use crate::failure::{Failure, Kind};
use crate::present::{count, say};

const TARGET: &str = "wasm32-wasip2";

/// A `spin.toml` and the component files it names.
#[derive(Debug)]
pub(crate) struct Manifest {
    path: PathBuf,
    /// Relative to the manifest's folder.
    sources: Vec<PathBuf>,
}

impl Manifest {
    /// Reads the manifest at `path`; a bare `spin.toml` is looked for in the folders above, too.
    pub(crate) fn find(path: &Path) -> Result<Self, Failure> {
        let path = upwards(path).ok_or_else(|| {
            Failure::new(
                Kind::Local,
                format!("there is no {} here or above", path.display()),
                "run this inside the gateway's repository, or name the file with --manifest",
            )
        })?;
        Self::read(path).map_err(|error| Failure::local(&error, "is it the gateway's spin.toml?"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Brings the components up to date where their source is, and makes sure that they are there.
    pub(crate) async fn prepare(&self, may_build: bool) -> Result<(), Failure> {
        if may_build && self.folder().join("Cargo.toml").is_file() {
            self.build().await?;
        }
        match self.sources.iter().map(|source| self.folder().join(source)).find(|path| !path.is_file()) {
            None => Ok(()),
            Some(missing) => Err(Failure::new(
                Kind::Local,
                format!("the component {} is missing", missing.display()),
                format!("build it: {}", self.command_line()),
            )),
        }
    }

    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let parsed: Parsed =
            toml::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))?;
        let sources = parsed.component.into_values().filter_map(|component| match component.source {
            Source::Path(path) => Some(path),
            Source::Remote {} => None,
        });
        Ok(Self { sources: sources.collect(), path })
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    async fn build(&self) -> Result<(), Failure> {
        self.add_target().await?;
        let packages = self.packages();
        say(&format!("building {}, if they changed", count(packages.len() as u64, "component")));
        // Where the manifest expects them, whatever CARGO_TARGET_DIR says.
        let build = Command::new(cargo())
            .current_dir(self.folder())
            .args(["build", "--release", "--target", TARGET, "--target-dir", "target"])
            .args(packages.iter().flat_map(|package| ["-p", package]))
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .kill_on_drop(true)
            .status()
            .await;
        let status = build.map_err(|error| {
            Failure::new(
                Kind::Local,
                format!("cannot run cargo: {error}"),
                "install Rust from https://rustup.rs, or use --no-build with components built elsewhere",
            )
        })?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(
            Kind::Local,
            format!("the components do not build ({status})"),
            format!("cargo says why above; try it alone: {}", self.command_line()),
        ))
    }

    /// Installs the target if the toolchain lacks it and rustup is there to do it.
    async fn add_target(&self) -> Result<(), Failure> {
        if self.has_target().await {
            return Ok(());
        }
        say(&format!("adding the Rust target {TARGET}"));
        let add = Command::new("rustup")
            .current_dir(self.folder())
            .args(["target", "add", TARGET])
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .kill_on_drop(true)
            .status()
            .await;
        match add {
            Ok(status) if status.success() => Ok(()),
            outcome => {
                let why = outcome.map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(Failure::new(
                    Kind::Local,
                    format!("the Rust target {TARGET} is missing and cannot be added ({why})"),
                    format!("run `rustup target add {TARGET}`"),
                ))
            }
        }
    }

    /// Whether the toolchain of the workspace has the standard library of the target.
    /// One that cannot be asked is taken to have it: cargo will say what is wrong.
    async fn has_target(&self) -> bool {
        let asked = Command::new("rustc")
            .current_dir(self.folder())
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .await;
        match asked {
            Ok(answer) if answer.status.success() => {
                Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir()
            }
            Ok(_) | Err(_) => true,
        }
    }

    /// The packages of this workspace whose components the manifest names.
    fn packages(&self) -> Vec<String> {
        let ours = Path::new("target").join(TARGET).join("release");
        let stems = self.sources.iter().filter(|source| source.parent() == Some(&ours));
        stems.filter_map(|source| Some(source.file_stem()?.to_str()?.replace('_', "-"))).collect()
    }

    fn command_line(&self) -> String {
        let packages = self.packages().join(" -p ");
        format!("cargo build --release --target {TARGET} -p {packages}")
    }
}

/// The part of a manifest that is read here.
#[derive(Deserialize)]
struct Parsed {
    #[serde(default)]
    component: std::collections::BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Component {
    source: Source,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Path(PathBuf),
    Remote {},
}

/// The cargo that runs this program, if one does.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `path` if it is a file; a mere file name is sought from the current folder upwards.
fn upwards(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let is_bare = path.file_name() == Some(path.as_os_str());
    let here = env::current_dir().ok().filter(|_| is_bare)?;
    here.ancestors().map(|folder| folder.join(path)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &Path) -> Manifest {
        let text = r#"
            spin_manifest_version = 2
            [component.inform]
            source = "target/wasm32-wasip2/release/ota_inform.wasm"
            [component.elsewhere]
            source = { url = "https://example.com/x.wasm", digest = "sha256:00" }
            [component.prebuilt]
            source = "prebuilt/other.wasm"
        "#;
        let path = folder.join("spin.toml");
        fs::write(&path, text).unwrap();
        Manifest::find(&path).unwrap()
    }

    #[test]
    fn what_cargo_makes_is_built_and_what_it_does_not_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = manifest(folder.path());
        assert_eq!(manifest.packages(), ["ota-inform"]);
        assert_eq!(manifest.command_line(), "cargo build --release --target wasm32-wasip2 -p ota-inform");
    }

    #[tokio::test]
    async fn a_missing_component_is_named_with_the_command_that_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let failure = manifest(folder.path()).prepare(true).await.unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("ota_inform.wasm is missing"), "{text}");
        assert!(text.contains("hint: build it: cargo build --release"), "{text}");
    }

    #[test]
    fn a_manifest_that_is_not_there_or_no_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spin.toml");
        assert!(Manifest::find(&path).unwrap_err().to_string().contains("there is no"));
        fs::write(&path, "component = 3").unwrap();
        assert!(Manifest::find(&path).unwrap_err().to_string().contains("cannot understand"));
    }
}
