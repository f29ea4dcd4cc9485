//! The steps of a run: each is named, timed and remembered, and one that fails does not keep the next from running.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::libtest::Tally;

/// What has run so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

/// One step that is over.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    /// The tests in it; none for a step that is no test run.
    pub(crate) tests: Tally,
    pub(crate) took: Duration,
}

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a word on what it found, if there is one.
    Passed(String),
    /// With the reason.
    Failed(String),
    /// It could not run here, for a reason that is no fault of the repository.
    NotRun(String),
}

/// What a step reports.
#[derive(Debug)]
pub(crate) struct Done {
    outcome: Outcome,
    tests: Tally,
}

impl Done {
    pub(crate) fn passed(note: impl Into<String>) -> Self {
        Self { outcome: Outcome::Passed(note.into()), tests: Tally::default() }
    }

    pub(crate) fn not_run(reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotRun(reason.into()), tests: Tally::default() }
    }

    /// A run of tests: it passed when none failed and there was at least one.
    pub(crate) fn tested(tests: Tally, failures: &[String]) -> Self {
        let outcome = match failures {
            _ if tests.all() == 0 => Outcome::Failed("there is no test in it".to_owned()),
            [] if tests.failed == 0 => Outcome::Passed(String::new()),
            failures => Outcome::Failed(failures.join(", ")),
        };
        Self { outcome, tests }
    }
}

impl Steps {
    /// Runs a step; what goes wrong in it is its outcome.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Done>) {
        println!("\n── {name}");
        let begun = Instant::now();
        let Done { outcome, tests } = step().unwrap_or_else(|error| Done {
            outcome: Outcome::Failed(format!("{error:#}")),
            tests: Tally::default(),
        });
        let step = Step { name, outcome, tests, took: begun.elapsed() };
        println!("   {} in {:.1} s{}", step.result(), step.took.as_secs_f64(), dashed(step.note()));
        self.done.push(step);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Step> {
        self.done.iter()
    }

    pub(crate) fn have_passed(&self) -> bool {
        self.done.iter().all(|step| !matches!(step.outcome, Outcome::Failed(_)))
    }

    /// All tests. A step that failed without a failed test counts as one: nothing that failed may look green.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for step in &self.done {
            sum += step.tests;
            if matches!(step.outcome, Outcome::Failed(_)) && step.tests.failed == 0 {
                sum.failed += 1;
            }
        }
        sum
    }

    /// As a table for people.
    pub(crate) fn table(&self) -> String {
        let width = self.done.iter().map(|step| step.name.len()).max().unwrap_or_default();
        let mut table = format!("{:width$}  {:7}  {:>5}  {:>7}\n", "STEP", "RESULT", "TESTS", "SECONDS");
        for step in &self.done {
            let (name, result) = (step.name, step.result());
            let (tests, seconds) = (step.tests_run(), step.took.as_secs_f64());
            let line = format!("{name:width$}  {result:7}  {tests:>5}  {seconds:>7.1}  {}", step.note());
            table.push_str(line.trim_end());
            table.push('\n');
        }
        table
    }
}

impl Step {
    pub(crate) fn result(&self) -> &'static str {
        match self.outcome {
            Outcome::Passed(_) => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::NotRun(_) => "NOT RUN",
        }
    }

    pub(crate) fn note(&self) -> &str {
        match &self.outcome {
            Outcome::Passed(note) | Outcome::Failed(note) | Outcome::NotRun(note) => note,
        }
    }

    /// How many tests, or nothing for a step that is no test run.
    pub(crate) fn tests_run(&self) -> String {
        match self.tests.all() {
            0 => String::new(),
            all => all.to_string(),
        }
    }
}

fn dashed(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(" – {note}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize) -> Tally {
        Tally { passed, failed, ignored: 0 }
    }

    #[test]
    fn what_follows_a_failed_step_still_runs() {
        let mut steps = Steps::default();
        steps.run("first", || anyhow::bail!("it broke"));
        steps.run("second", || Ok(Done::tested(tally(3, 0), &[])));
        assert!(!steps.have_passed());
        assert_eq!(steps.tally(), tally(3, 1));
        let table = steps.table();
        assert!(table.contains("first   FAILED") && table.contains("it broke"), "{table}");
        assert!(table.contains("second  passed       3"), "{table}");
    }

    #[test]
    fn a_step_that_cannot_run_here_is_no_failure_and_is_said() {
        let mut steps = Steps::default();
        steps.run("advisories", || Ok(Done::not_run("no network")));
        assert!(steps.have_passed());
        assert_eq!(steps.tally(), tally(0, 0));
        assert!(steps.table().contains("NOT RUN"));
    }

    #[test]
    fn a_run_without_a_single_test_failed() {
        assert!(matches!(Done::tested(tally(0, 0), &[]).outcome, Outcome::Failed(_)));
        assert!(matches!(Done::tested(tally(1, 0), &[]).outcome, Outcome::Passed(_)));
        let failed = Done::tested(tally(1, 1), &["a::b".to_owned()]);
        assert_eq!(failed.outcome, Outcome::Failed("a::b".to_owned()));
    }
}
