//! The test binaries of the workspace: built once, all together, and then run one by one.
//!
//! `cargo test -p` would choose other features for shared dependencies and build them again; so each binary is run
//! here as cargo would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::libtest::{Case, Tally, Verdict};
use crate::process;
use crate::workspace::Workspace;

/// The longest that one binary may run.
const WITHIN: Duration = Duration::from_mins(10);
/// The most lines of a failed binary that are shown.
const SHOWN: usize = 400;

/// Packages whose tests print what they counted.
const COUNTING: [&str; 1] = ["ota-schedule"];

/// Whether a line says what a test counted: `sqlite: schedules 812, steps …`.
fn is_count(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(_, counts)| counts.starts_with("schedules "))
}

/// What a suite is about (STYLE, rule 17): its place in the repository says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Inside a source file, and examples in the documentation.
    Unit,
    /// A library from outside, over each of its stores.
    Contract,
    /// A component or a program of `infra/` from outside.
    Component,
    /// The whole: gateway, bridge, stores, devices.
    System,
}

/// One test binary, or the documentation examples of all crates.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) tier: Tier,
    /// The package; for documentation examples each case has its own.
    pub(crate) package: String,
    /// The name of an integration test; empty for the tests inside the sources.
    pub(crate) target: String,
    folder: PathBuf,
    executable: Option<PathBuf>,
}

/// A suite that ran.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) suite: Suite,
    pub(crate) cases: Vec<Case>,
    /// What it counted, a line each.
    pub(crate) counts: Vec<String>,
    /// Why it failed, when no failed case says it.
    pub(crate) broken: Option<String>,
}

/// The programs of the workspace by name.
pub(crate) type Programs = BTreeMap<String, PathBuf>;

/// What the build made.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) suites: Vec<Suite>,
    pub(crate) programs: Programs,
    /// Whether everything compiled.
    pub(crate) is_whole: bool,
}

/// Builds every test of the workspace. What compiles is there even if something else does not.
pub(crate) fn build(workspace: &Workspace) -> Result<Built> {
    let mut cargo = process::cargo(workspace.root());
    cargo.args([
        "test",
        "--workspace",
        "--no-run",
        "--no-fail-fast",
        "--message-format=json-render-diagnostics",
    ]);
    let output = cargo.stderr(std::process::Stdio::inherit()).output().context("cannot run cargo")?;
    let mut built =
        Built { suites: Vec::new(), programs: BTreeMap::new(), is_whole: output.status.success() };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(artifact) = serde_json::from_str(line).ok().and_then(|json| Artifact::of(&json)) {
            artifact.sort_into(&mut built, workspace);
        }
    }
    built.suites.push(Suite::documentation(workspace));
    built.suites.sort_by(|a, b| (a.tier, &a.package, &a.target).cmp(&(b.tier, &b.package, &b.target)));
    Ok(built)
}

impl Suite {
    fn documentation(workspace: &Workspace) -> Self {
        let folder = workspace.root().to_owned();
        Self {
            tier: Tier::Unit,
            package: "documentation".to_owned(),
            target: String::new(),
            folder,
            executable: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(tier: Tier, package: &str, target: &str) -> Self {
        let executable = Some(PathBuf::new());
        Self {
            tier,
            package: package.to_owned(),
            target: target.to_owned(),
            folder: PathBuf::new(),
            executable,
        }
    }

    pub(crate) fn is_documentation(&self) -> bool {
        self.executable.is_none()
    }

    /// What people call it: `ota-ledger`, or `ota-ledger, tests/ledger`.
    pub(crate) fn name(&self) -> String {
        if self.target.is_empty() {
            self.package.clone()
        } else {
            format!("{}, tests/{}", self.package, self.target)
        }
    }

    /// Runs it; what it prints is shown only if it fails.
    pub(crate) fn run(self) -> Result<Ran> {
        let mut cases = Vec::new();
        let mut closing: Option<Tally> = None;
        let mut others = Vec::new();
        let status = process::follow(&mut self.command(), WITHIN, |line| {
            if let Some(case) = Case::parse(line) {
                cases.push(case);
            } else if let Some(tally) = Tally::parse(line) {
                *closing.get_or_insert_default() += tally;
            } else {
                others.push(line.to_owned());
            }
        })?;
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        let counted = Tally::of(&cases);
        let broken = match status {
            None => Some(format!("still running after {} s", WITHIN.as_secs())),
            Some(_) if closing.unwrap_or_default() != counted => {
                Some(format!("counted {counted:?}, its own sum is {closing:?}"))
            }
            Some(status) if !status.success() && counted.failed == 0 => Some(status.to_string()),
            Some(_) => None,
        };
        if broken.is_some() || counted.failed > 0 {
            show(&others);
        }
        let counts = others.into_iter().filter(|line| is_count(line)).collect();
        Ok(Ran { suite: self, cases, counts, broken })
    }

    fn command(&self) -> Command {
        let Some(executable) = &self.executable else {
            let mut cargo = process::cargo(&self.folder);
            cargo.args([
                "test",
                "--workspace",
                "--doc",
                "--no-fail-fast",
                "--quiet",
                "--",
                "--format=pretty",
            ]);
            return cargo;
        };
        let mut command = process::program(executable, &self.folder);
        if COUNTING.contains(&self.package.as_str()) {
            command.arg("--show-output");
        }
        // What the harness and the libraries of tests find under cargo.
        command.env("CARGO_MANIFEST_DIR", &self.folder).env("CARGO_PKG_NAME", &self.package);
        command
    }
}

impl Ran {
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::of(&self.cases);
        if self.broken.is_some() {
            tally.failed += 1;
        }
        tally
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = &str> {
        let failed = self.cases.iter().filter(|case| case.verdict == Verdict::Failed);
        failed.map(|case| case.name.as_str()).chain(self.broken.as_deref())
    }
}

/// A binary that cargo made, out of one message of its `--message-format=json`.
#[derive(Debug, PartialEq, Eq)]
struct Artifact {
    package: String,
    folder: PathBuf,
    target: String,
    is_integration: bool,
    is_test: bool,
    executable: PathBuf,
}

impl Artifact {
    fn of(message: &Value) -> Option<Self> {
        if message["reason"] != "compiler-artifact" {
            return None;
        }
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
        let target = &message["target"];
        Some(Self {
            package: package(message["package_id"].as_str()?)?,
            folder: folder.to_owned(),
            target: target["name"].as_str()?.to_owned(),
            is_integration: target["kind"].as_array()?.iter().any(|kind| kind == "test"),
            is_test: message.pointer("/profile/test")?.as_bool()?,
            executable: message["executable"].as_str()?.into(),
        })
    }

    fn sort_into(self, built: &mut Built, workspace: &Workspace) {
        if !self.is_test {
            built.programs.insert(self.target, self.executable);
            return;
        }
        built.suites.push(Suite {
            tier: tier(workspace.relative(&self.folder), self.is_integration),
            package: self.package,
            target: if self.is_integration { self.target } else { String::new() },
            folder: self.folder,
            executable: Some(self.executable),
        });
    }
}

/// `path+file:///…/libs/protocol#ota-protocol@0.1.0`, or without a name when the folder has it: `…/ota-protocol#0.1.0`.
fn package(id: &str) -> Option<String> {
    let (url, fragment) = id.rsplit_once('#')?;
    let name = match fragment.split_once('@') {
        Some((name, _)) => name,
        None => url.rsplit_once('/')?.1,
    };
    Some(name.to_owned())
}

fn tier(folder: &Path, is_integration: bool) -> Tier {
    if folder == Path::new("tests/it") {
        Tier::System
    } else if !is_integration {
        Tier::Unit
    } else if folder.starts_with("components/libs") {
        Tier::Contract
    } else {
        Tier::Component
    }
}

fn show(lines: &[String]) {
    let skipped = lines.len().saturating_sub(SHOWN);
    if skipped > 0 {
        println!("    … {skipped} lines before");
    }
    for line in lines.iter().skip(skipped) {
        println!("    {line}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(kind: &str, is_test: bool) -> Value {
        json!({
            "reason": "compiler-artifact",
            "package_id": "path+file:///r/components/libs/ledger#ota-ledger@0.1.0",
            "manifest_path": "/r/components/libs/ledger/Cargo.toml",
            "target": { "name": "ledger", "kind": [kind] },
            "profile": { "test": is_test },
            "executable": "/r/target/debug/deps/ledger-0f",
        })
    }

    #[test]
    fn an_artifact_is_a_binary_that_was_built() {
        let artifact = Artifact::of(&message("test", true)).unwrap();
        assert_eq!((artifact.package.as_str(), artifact.target.as_str()), ("ota-ledger", "ledger"));
        assert!(artifact.is_integration && artifact.is_test);
        assert!(!Artifact::of(&message("lib", true)).unwrap().is_integration);
        let mut library = message("lib", false);
        library["executable"] = Value::Null;
        assert_eq!(Artifact::of(&library), None);
        assert_eq!(Artifact::of(&json!({ "reason": "build-finished", "success": true })), None);
    }

    #[test]
    fn a_package_is_named_by_its_id() {
        assert_eq!(package("path+file:///r/x#ota-ledger@0.1.0").as_deref(), Some("ota-ledger"));
        assert_eq!(package("path+file:///r/ota-it#0.1.0").as_deref(), Some("ota-it"));
        assert_eq!(package("nothing"), None);
    }

    #[test]
    fn the_place_of_a_test_says_its_tier() {
        for (folder, is_integration, expected) in [
            ("components/libs/ledger", false, Tier::Unit),
            ("components/libs/ledger", true, Tier::Contract),
            ("components/firmware", true, Tier::Component),
            ("infra/host", true, Tier::Component),
            ("infra/host", false, Tier::Unit),
            ("tests/it", true, Tier::System),
            ("tests/it", false, Tier::System),
        ] {
            assert_eq!(tier(Path::new(folder), is_integration), expected, "{folder}");
        }
    }
}
