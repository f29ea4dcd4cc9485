//! `cargo xtask mutate`: rules of the ledger are taken away one by one, in a copy, and each time the tests must say so.
//!
//! A mutant is a patch in `tests/mutants`, with what it breaks, the test that has to fail, a word that its failure must
//! say, and, where a schedule is long looked for, the seed that it begins with.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::workspace::Workspace;

/// Where the mutants are, from the root.
const MUTANTS: &str = "tests/mutants";
/// The longest that the build and the tests of one may take.
const WITHIN: Duration = Duration::from_mins(15);
/// How long schedules are tried (s): long enough for a slow machine that has much else to do. One that is caught ends
/// when it is.
const SCHEDULES: &str = "400";
/// Stands before the seed of a schedule that breaks a promise.
const BY_SEED: &str = "is broken by seed ";

/// A mutant, as its patch describes it.
#[derive(Debug, PartialEq, Eq)]
struct Mutant {
    /// The name of its file, without the number and the ending.
    name: String,
    /// The rule that it breaks.
    breaks: String,
    /// The words behind `cargo test`.
    test: Vec<String>,
    /// What the failure says: a promise of the schedules, or the name of a test.
    says: String,
    /// The seed that schedules begin with.
    seed: Option<u64>,
    patch: PathBuf,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// By a schedule, with its seed, or by another test.
    Caught(Option<u64>),
    Survived,
    /// It says nothing about the tests: it does not compile, or does not apply.
    Broken(String),
}

/// Runs every mutant, prints a line for each, and the sum last; a failure unless all were caught.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let table = table(workspace)?;
    println!("{}", table.sum());
    Ok(if table.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All mutants and their fates.
pub(crate) struct Table(Vec<(Mutant, Fate, Duration)>);

/// Runs every mutant; each is printed when it is over.
pub(crate) fn table(workspace: &Workspace) -> Result<Table> {
    let copy = Copy::of(workspace)?;
    let mut rows = Vec::new();
    for mutant in mutants(workspace)? {
        let begun = Instant::now();
        let fate = copy.run(&mutant)?;
        let seconds = begun.elapsed().as_secs_f64();
        let seed = match fate {
            Fate::Caught(Some(seed)) => format!(", seed {seed}"),
            _ => String::new(),
        };
        println!("   {}: {} ({}{seed}) in {seconds:.0} s", mutant.name, fate.word(), mutant.says);
        rows.push((mutant, fate, begun.elapsed()));
    }
    Ok(Table(rows))
}

impl Table {
    /// `mutants N, caught N, survived N`
    pub(crate) fn sum(&self) -> String {
        let caught = self.0.iter().filter(|(_, fate, _)| fate.is_caught()).count();
        format!("mutants {}, caught {caught}, survived {}", self.0.len(), self.0.len() - caught)
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(_, fate, _)| fate.is_caught())
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut table = "| mutant | what it breaks | caught by | its failure says | result |\n\
            |---|---|---|---|---|\n"
            .to_owned();
        for (mutant, fate, _) in &self.0 {
            let Mutant { name, breaks, test, says, .. } = mutant;
            // Writing to a String cannot fail.
            let _ =
                writeln!(table, "| {name} | {breaks} | `{}` | `{says}` | {} |", test.join(" "), fate.word());
        }
        let _ = writeln!(table, "\n{}", self.sum());
        table
    }
}

impl Fate {
    fn is_caught(&self) -> bool {
        matches!(self, Self::Caught(_))
    }

    fn word(&self) -> String {
        match self {
            Self::Caught(_) => "caught".to_owned(),
            Self::Survived => "**survived**".to_owned(),
            Self::Broken(why) => format!("**broken**: {why}"),
        }
    }
}

/// The mutants in the order of their files.
fn mutants(workspace: &Workspace) -> Result<Vec<Mutant>> {
    let folder = workspace.root().join(MUTANTS);
    let listed = fs::read_dir(&folder).with_context(|| format!("cannot read {MUTANTS}"))?;
    let mut patches = listed.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    patches.retain(|path| path.extension().is_some_and(|ending| ending == "patch"));
    patches.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path)?;
        Mutant::parse(path, &text).with_context(|| format!("{}", workspace.relative(path).display()))
    };
    patches.iter().map(read).collect()
}

impl Mutant {
    /// The mutant whose patch is `text`: its first lines say what it breaks.
    fn parse(file: &Path, text: &str) -> Result<Self> {
        let line = |name: &str| {
            text.lines()
                .take_while(|line| !line.starts_with("--- "))
                .find_map(|line| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")))
        };
        let field = |name: &str| {
            let value = line(name).map(|value| value.trim().to_owned());
            value.with_context(|| format!("it has no line `{name}: …`"))
        };
        let seed =
            line("seed").map(|seed| seed.trim().parse().context("its seed is no number")).transpose()?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').replace('-', " ");
        let words = field("test")?.split_whitespace().map(str::to_owned).collect();
        let (breaks, says) = (field("breaks")?, field("says")?);
        Ok(Self { name, breaks, test: words, says, seed, patch: file.to_owned() })
    }
}

/// A copy of the sources, in which patches are applied and taken back.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    /// What sets what is built from it apart from what is built from the sources themselves.
    apart: Vec<String>,
}

impl Copy {
    /// The copy in the target folder, made as the sources are now. What did not change keeps its time, so that it is
    /// not built again.
    fn of(workspace: &Workspace) -> Result<Self> {
        let root = workspace.target().join("mutants");
        let files = workspace.files()?;
        for file in &files {
            let (from, to) = (workspace.root().join(file), root.join(file));
            let text = fs::read(&from).with_context(|| format!("cannot read {file}"))?;
            if fs::read(&to).is_ok_and(|old| old == text) {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&to, text).with_context(|| format!("cannot write {}", to.display()))?;
        }
        Ok(Self { root, target: workspace.target().to_owned(), apart: apart(workspace, &files)? })
    }

    fn run(&self, mutant: &Mutant) -> Result<Fate> {
        if !process::succeeds(&mut self.patch(mutant, &[])) {
            return Ok(Fate::Broken("the patch does not apply".to_owned()));
        }
        let fate = self.test(mutant);
        let is_back = process::succeeds(&mut self.patch(mutant, &["--reverse"]));
        ensure!(is_back, "the patch of {} cannot be taken back", mutant.name);
        fate
    }

    fn patch(&self, mutant: &Mutant, options: &[&str]) -> std::process::Command {
        let mut git = process::program("git", &self.root);
        // The copy lies inside a repository that it is no part of.
        git.env("GIT_CEILING_DIRECTORIES", &self.target);
        git.args(["apply", "--whitespace=nowarn", "-C1"]).args(options).arg(&mutant.patch);
        git
    }

    fn test(&self, mutant: &Mutant) -> Result<Fate> {
        if !process::succeeds(&mut self.cargo(mutant, &["--no-run"])) {
            return Ok(Fate::Broken("it does not compile".to_owned()));
        }
        let mut says = false;
        let mut seed = None;
        let mut has_failed = false;
        let status = process::follow(&mut self.cargo(mutant, &[]), WITHIN, |line| {
            says |= line.contains(&mutant.says);
            if let Some((_, rest)) = line.split_once(BY_SEED) {
                seed = rest.split(',').next().and_then(|seed| seed.parse().ok());
            }
            has_failed |= line.contains("test result: FAILED");
        })?;
        Ok(match status {
            None => Fate::Broken(format!("it was still running after {} s", WITHIN.as_secs())),
            Some(status) if status.success() => Fate::Survived,
            Some(_) if !has_failed => Fate::Broken("its tests did not run".to_owned()),
            Some(_) if !says => Fate::Broken(format!("it failed without a word of `{}`", mutant.says)),
            Some(_) => Fate::Caught(seed),
        })
    }

    /// `options` stand before the mutant's own words, which may end with some for the test itself.
    fn cargo(&self, mutant: &Mutant, options: &[&str]) -> std::process::Command {
        let mut cargo = process::cargo(&self.root);
        // How a promise breaks is nobody's concern here, nor which others break before it.
        cargo.env("OTA_SCHEDULE_SHORTER", "0").env("OTA_SCHEDULE_SECONDS", SCHEDULES);
        if let Some(seed) = mutant.seed {
            cargo.env("OTA_SCHEDULE_SEED", seed.to_string());
        }
        if let Some(promise) = mutant.says.strip_suffix(" is broken") {
            cargo.env("OTA_SCHEDULE_PROMISE", promise);
        }
        cargo.arg("test").args(&self.apart).args(options).args(&mutant.test);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo
    }
}

/// Options that build every package among `files` under another name than usual.
///
/// Cargo knows a package by its place in its workspace, which the copy shares, and takes for fresh what was built last:
/// a mutant would be built into whatever is built of the sources next. What others wrote is built once for both.
fn apart(workspace: &Workspace, files: &[String]) -> Result<Vec<String>> {
    let mut options = Vec::new();
    for file in files.iter().filter(|file| file.ends_with("/Cargo.toml")) {
        let text = workspace.read(file)?;
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        if let Some(name) = name {
            options.extend(["--config".to_owned(), format!("profile.dev.package.{name}.codegen-units=15")]);
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_it_breaks() {
        let text =
            "breaks: stop is final\ntest: -p ota-schedule sqlite\nsays: stop\nseed: 7\n--- a/x\n+++ b/x\n";
        let mutant = Mutant::parse(Path::new("tests/mutants/07-stop-ignored.patch"), text).unwrap();
        assert_eq!((mutant.name.as_str(), mutant.says.as_str()), ("stop ignored", "stop"));
        assert_eq!((mutant.test.join(" ").as_str(), mutant.seed), ("-p ota-schedule sqlite", Some(7)));
    }

    #[test]
    fn a_patch_that_does_not_say_it_is_refused() {
        let error = Mutant::parse(Path::new("1.patch"), "breaks: x\n--- a/x\nsays: y\n").unwrap_err();
        assert!(error.to_string().contains("test"), "{error}");
    }

    #[test]
    fn the_sum_counts_what_was_not_caught_as_survived() {
        let mutant = || Mutant::parse(Path::new("1-a.patch"), "breaks: x\ntest: -p y\nsays: z\n").unwrap();
        let rows = vec![
            (mutant(), Fate::Caught(Some(7)), Duration::ZERO),
            (mutant(), Fate::Broken("it does not compile".to_owned()), Duration::ZERO),
        ];
        let table = Table(rows);
        assert_eq!(table.sum(), "mutants 2, caught 1, survived 1");
        assert!(!table.is_whole());
        assert!(table.markdown().contains("| a | x | `-p y` | `z` | caught |"));
    }
}
