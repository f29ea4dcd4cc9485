//! What is counted rather than passed: the states of the model, the schedules of the second proof, the figures, the
//! mutants. Each is a step of the run and a section of the evidence.

use anyhow::{Context as _, Result, bail};

use crate::mutate;
use crate::process;
use crate::steps::{Done, Steps};
use crate::suite::{Programs, Ran};
use crate::workspace::Workspace;

/// The sections, as far as they came about.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    model: String,
    figures: String,
    mutants: String,
}

impl Proofs {
    /// Runs the model, the figures and the mutants.
    pub(crate) fn run(steps: &mut Steps, workspace: &Workspace, programs: &Programs) -> Self {
        let mut proofs = Self::default();
        steps.run("model", || {
            proofs.model = said(workspace, programs, "ota-model")?;
            Ok(Done::passed(proofs.model.lines().last().unwrap_or_default()))
        });
        steps.run("figures", || {
            proofs.figures = said(workspace, programs, "ota-figures")?;
            Ok(Done::passed("devices lost, jobs held, times"))
        });
        steps.run("mutants", || {
            let table = mutate::table(workspace)?;
            proofs.mutants = table.markdown();
            if !table.is_whole() {
                bail!("{}", table.sum());
            }
            Ok(Done::passed(table.sum()))
        });
        proofs
    }

    /// The sections as Markdown; `suites` for what the schedules counted.
    pub(crate) fn markdown(&self, suites: &[Ran]) -> String {
        let counts: Vec<&str> = suites.iter().flat_map(|ran| &ran.counts).map(String::as_str).collect();
        let counts = counts.join("\n");
        let block = |text: &str| format!("```\n{}\n```\n", text.trim_end());
        let sections = [
            ("The model", MODEL, block(&self.model)),
            ("The schedules", SCHEDULES, block(&counts)),
            ("The mutants", MUTANTS, self.mutants.clone()),
            ("The figures", FIGURES, self.figures.clone()),
        ];
        let shown = sections.iter().filter(|(_, _, text)| text.len() > EMPTY_BLOCK);
        let shown: Vec<String> =
            shown.map(|(title, about, text)| format!("\n## {title}\n\n{about}\n\n{text}")).collect();
        shown.concat()
    }
}

/// The length of a block without a line.
const EMPTY_BLOCK: usize = "```\n\n```\n".len();

const MODEL: &str = "Every state that small fleets can reach under the rules of `ota-rollout`, and what happens to the \
    bound when a rule is taken away (`tests/model`).";
const SCHEDULES: &str = "The real ledger, statement by statement, under schedules with kills, duplicates, delays and \
    reordering (`tests/schedule`).";
const MUTANTS: &str = "Rules of the real ledger taken away one by one (`cargo xtask mutate`).";
const FIGURES: &str = "Counted by the code that ships (`tests/figures`); what depends on the machine stands in \
    `tests/bench/README.md`.";

/// What a program of the workspace prints; what it logs is no part of that.
pub(crate) fn said(workspace: &Workspace, programs: &Programs, name: &str) -> Result<String> {
    let program = programs.get(name).with_context(|| format!("the program {name} did not compile"))?;
    let mut lines = Vec::new();
    let within = std::time::Duration::from_mins(10);
    let mut program = process::program(program, workspace.root());
    let status = process::follow(program.env("RUST_LOG", "off"), within, |line| lines.push(line.to_owned()))?;
    let text = lines.join("\n");
    match status {
        Some(status) if status.success() => Ok(text + "\n"),
        Some(status) => bail!("{name} failed ({status}): {text}"),
        None => bail!("{name} was still running after {} s", within.as_secs()),
    }
}
