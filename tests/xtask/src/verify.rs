//! `cargo verify`: everything that must be true of this repository, in the order in which it fails soonest.

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::evidence::{self, Facts};
use crate::libtest::Tally;
use crate::proofs::Proofs;
use crate::steps::{Done, Steps};
use crate::suite::{self, Built, Programs, Ran, Suite, Tier};
use crate::workspace::{WASM, WASM_TARGET, Workspace};
use crate::{demo, deny, judges, process, readme, setup, tidy};

/// What is written, from the root.
const EVIDENCE: &str = "tests/EVIDENCE.md";

/// Runs every step, prints what ran, writes the evidence; a failure when any step failed.
///
/// Its last line is `N passed, N failed`, alone: whoever runs this looks for it.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut steps = Steps::default();
    steps.run("set-up", || {
        setup::wasm_target(workspace)?;
        setup::python(workspace)?;
        setup::packages(workspace)?;
        Ok(Done::passed(format!("the target {WASM}, Python, PostgreSQL, curl, wget and aria2")))
    });
    check_sources(&mut steps, workspace);
    let (suites, programs) = test(&mut steps, workspace);
    let proofs = Proofs::run(&mut steps, workspace, &programs);
    steps.run("cargo-deny", || deny::install(workspace));
    steps.run("dependencies", || deny::check(workspace));
    steps.run("advisories", || deny::advisories(workspace));

    fs::write(workspace.root().join(EVIDENCE), evidence::page(&facts(workspace)?, &steps, &suites, &proofs))
        .with_context(|| format!("cannot write {EVIDENCE}"))?;
    println!("\n{}\n{EVIDENCE} is written; {:.0} s in all", steps.table(), begun.elapsed().as_secs_f64());
    let Tally { passed, failed, .. } = steps.tally();
    println!("{passed} passed, {failed} failed");
    Ok(if steps.have_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_sources(steps: &mut Steps, workspace: &Workspace) {
    let cargo = |words: &[&str]| {
        process::run(process::cargo(workspace.root()).args(words)).map(|()| Done::passed(""))
    };
    steps.run("format", || cargo(&["fmt", "--all", "--check"]));
    steps.run("form of the sources", || tidy::check(workspace));
    steps.run("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"])
    });
    steps.run("components", || {
        for_wasm(workspace, "build", &[])?;
        sizes(workspace)
    });
    steps.run("clippy of the components", || {
        // With the one that only benchmarks know, which is made of the sources of one that ships.
        let rest = ["-p", "ota-bench-guest", "--keep-going", "--", "-D", "warnings"];
        for_wasm(workspace, "clippy", &rest).map(|()| Done::passed(""))
    });
    steps.run("documentation", || {
        let mut cargo = process::cargo(workspace.root());
        cargo.args(["doc", "--workspace", "--no-deps", "--keep-going"]).env("RUSTDOCFLAGS", "-D warnings");
        process::run(&mut cargo).map(|()| Done::passed(""))
    });
}

/// Exactly the call that `ota` makes before a demo, so that nothing is built twice.
fn for_wasm(workspace: &Workspace, verb: &str, rest: &[&str]) -> Result<()> {
    let components = workspace.components()?;
    let mut cargo = process::cargo(workspace.root());
    cargo.args([verb, "--release", "--target", WASM, "--target-dir", WASM_TARGET]);
    cargo.args(components.iter().flat_map(|package| ["-p", package])).args(rest);
    process::run(&mut cargo)
}

fn sizes(workspace: &Workspace) -> Result<Done> {
    let folder = workspace.root().join(WASM_TARGET).join(WASM).join("release");
    let mut sizes = Vec::new();
    for component in workspace.components()? {
        let size = fs::metadata(folder.join(format!("{}.wasm", component.replace('-', "_"))))?.len();
        sizes.push(format!("{} {} kB", component.trim_start_matches("ota-"), size / 1000));
    }
    Ok(Done::passed(sizes.join(", ")))
}

fn test(steps: &mut Steps, workspace: &Workspace) -> (Vec<Ran>, Programs) {
    let mut built = None;
    steps.run("build of the tests", || {
        let made = built.insert(suite::build(workspace)?);
        if !made.is_whole {
            bail!("not everything compiles; what does is tested");
        }
        Ok(Done::passed(""))
    });
    let Built { mut suites, programs, .. } = built.unwrap_or_default();
    let mut all = Vec::new();
    for (name, tier) in [
        ("unit tests", Tier::Unit),
        ("contract tests", Tier::Contract),
        ("component tests", Tier::Component),
        ("system tests", Tier::System),
    ] {
        let of_tier = suites.extract_if(.., |suite| suite.tier == tier).collect();
        steps.run(name, || run_all(of_tier, &mut all));
    }
    let ota = || programs.get("ota").context("the program ota did not compile");
    steps.run("demo", || demo::run(workspace, ota()?));
    steps.run("README", || readme::check(workspace, ota()?));
    steps.run("judges", || judges::run(workspace, &programs));
    (all, programs)
}

fn run_all(suites: Vec<Suite>, all: &mut Vec<Ran>) -> Result<Done> {
    let mut sum = Tally::default();
    let mut failures = Vec::new();
    for suite in suites {
        let name = suite.name();
        let begun = Instant::now();
        let ran = suite.run()?;
        let tally = ran.tally();
        if tally.all() > 0 {
            let Tally { passed, failed, ignored } = tally;
            let seconds = begun.elapsed().as_secs_f64();
            println!("   {name}: {passed} passed, {failed} failed, {ignored} ignored in {seconds:.1} s");
        }
        sum += tally;
        failures.extend(ran.failures().map(|failure| format!("{name}: {failure}")));
        all.push(ran);
    }
    Ok(Done::tested(sum, &failures))
}

fn facts(workspace: &Workspace) -> Result<Facts> {
    let read = |program: &str, argument: &str| -> Result<String> {
        let said = process::read(process::program(program, workspace.root()).arg(argument))?;
        Ok(said.trim().to_owned())
    };
    Ok(Facts {
        toolchain: read("rustc", "--version")?,
        date: read("date", "+%Y-%m-%d")?,
        cores: std::thread::available_parallelism()?.get(),
    })
}
