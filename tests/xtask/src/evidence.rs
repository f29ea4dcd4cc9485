//! `tests/EVIDENCE.md`: what is claimed, which test shows it, how that test ended. Written by a run, read by people.
//!
//! Everything is in a fixed order, and what changes from run to run stands in one table, so that a change of the file
//! is a change of the claims.

use std::fmt::Write as _;

use crate::libtest::{Case, Tally, Verdict};
use crate::proofs::Proofs;
use crate::steps::Steps;
use crate::suite::{Ran, Tier};

const HEAD: &str = "\
# Evidence

Written by `cargo verify`, not by hand.
Each claim is the name of a test; the test is what shows it.
";

/// What the run was made with.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) toolchain: String,
    /// `2026-11-24`
    pub(crate) date: String,
    pub(crate) cores: usize,
}

/// The whole page.
pub(crate) fn page(facts: &Facts, steps: &Steps, suites: &[Ran], proofs: &Proofs) -> String {
    let mut page = HEAD.to_owned();
    let Facts { toolchain, date, cores } = facts;
    line(&mut page, &format!("\nRun on {date} with {toolchain} on {cores} cores.\n"));
    page.push_str(&step_table(steps));
    page.push_str(&sums(suites));
    page.push_str(&proofs.markdown(suites));
    for tier in [Tier::Unit, Tier::Contract, Tier::Component, Tier::System] {
        let of_tier: Vec<&Ran> = suites.iter().filter(|ran| ran.suite.tier == tier).collect();
        if of_tier.iter().any(|ran| ran.tally().all() > 0) {
            line(&mut page, &format!("\n## {}\n\n{}", title(tier), about(tier)));
        }
        for ran in of_tier {
            page.push_str(&claims(ran));
        }
    }
    page
}

fn step_table(steps: &Steps) -> String {
    let mut table = "| step | result | tests | seconds | |\n|---|---|--:|--:|---|\n".to_owned();
    for step in steps.iter() {
        let (result, tests, note) = (step.result(), step.tests_run(), cell(step.note()));
        line(
            &mut table,
            &format!("| {} | {result} | {tests} | {:.0} | {note} |", step.name, step.took.as_secs_f64()),
        );
    }
    table
}

fn sums(suites: &[Ran]) -> String {
    let mut table = "\n| tests | passed | failed | ignored |\n|---|--:|--:|--:|\n".to_owned();
    let mut all = Tally::default();
    for tier in [Tier::Unit, Tier::Contract, Tier::Component, Tier::System] {
        let mut sum = Tally::default();
        suites.iter().filter(|ran| ran.suite.tier == tier).for_each(|ran| sum += ran.tally());
        all += sum;
        sum_row(&mut table, title(tier), sum);
    }
    sum_row(&mut table, "All", all);
    table
}

fn sum_row(table: &mut String, name: &str, sum: Tally) {
    line(table, &format!("| {name} | {} | {} | {} |", sum.passed, sum.failed, sum.ignored));
}

/// One suite as a table, its claims in the order of their names.
fn claims(ran: &Ran) -> String {
    if ran.tally().all() == 0 {
        return String::new();
    }
    let mut rows: Vec<(String, String, String)> = ran.cases.iter().map(|case| row(ran, case)).collect();
    rows.sort();
    let mut section = format!("\n### {}\n\n| claim | test | result |\n|---|---|---|\n", ran.suite.name());
    for (test, claim, result) in rows {
        line(&mut section, &format!("| {} | `{}` | {result} |", cell(&claim), cell(&test)));
    }
    if let Some(broken) = &ran.broken {
        line(&mut section, &format!("| the suite runs to its end | | **failed**: {} |", cell(broken)));
    }
    section
}

/// The test, the claim, the result.
fn row(ran: &Ran, case: &Case) -> (String, String, String) {
    let result = match &case.verdict {
        Verdict::Passed => "ok".to_owned(),
        Verdict::Failed => "**failed**".to_owned(),
        Verdict::Ignored(why) if why.is_empty() => "ignored".to_owned(),
        Verdict::Ignored(why) => format!("ignored: {}", cell(why)),
    };
    if ran.suite.is_documentation() {
        let (file, item) = example(&case.name);
        return (file.to_owned(), format!("the example of {item} holds"), result);
    }
    let name = case.name.rsplit("::").next().unwrap_or(&case.name);
    // Where a test is matters; that its module is one of tests does not.
    let test: Vec<&str> = case.name.split("::").filter(|module| *module != "tests").collect();
    (test.join("::"), name.replace('_', " "), result)
}

/// The file and the item of `src/key.rs - key::ProductKey (line 12)`. The line would change with every edit above it.
fn example(name: &str) -> (&str, &str) {
    let (file, item) = name.split_once(" - ").unwrap_or((name, ""));
    let item = item.rsplit_once(" (line").map_or(item, |(item, _)| item);
    (file, if item.is_empty() || item.starts_with('(') { "the crate" } else { item })
}

fn title(tier: Tier) -> &'static str {
    match tier {
        Tier::Unit => "Unit",
        Tier::Contract => "Contract",
        Tier::Component => "Component",
        Tier::System => "System",
    }
}

fn about(tier: Tier) -> &'static str {
    match tier {
        Tier::Unit => "Inside the source files, and the examples in the documentation.",
        Tier::Contract => "Each library from outside, over its stores.",
        Tier::Component => {
            "Each component from request to answer, over stores that count and fail; host, bridge and command line over sockets."
        }
        Tier::System => {
            "The components that ship, in the real host, behind the real bridge, with real devices."
        }
    }
}

/// Text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn line(page: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::Done;
    use crate::suite::Suite;

    fn case(name: &str, verdict: Verdict) -> Case {
        Case { name: name.to_owned(), verdict }
    }

    fn ran(suite: Suite, cases: Vec<Case>) -> Ran {
        Ran { suite, cases, counts: Vec::new(), broken: None }
    }

    fn shown(suites: &[Ran]) -> String {
        let facts = Facts { toolchain: "rustc 1.95.0".to_owned(), date: "2026-11-24".to_owned(), cores: 2 };
        let mut steps = Steps::default();
        steps.run("format", || Ok(Done::passed("")));
        page(&facts, &steps, suites, &Proofs::default())
    }

    #[test]
    fn a_claim_is_the_name_of_its_test() {
        let cases = vec![
            case("step::tests::a_step_above_100_is_refused", Verdict::Failed),
            case("key::tests::a_key_may_not_be_empty", Verdict::Passed),
            case("key::tests::needs_a_broker", Verdict::Ignored("a | b".to_owned())),
        ];
        let page = shown(&[ran(Suite::for_test(Tier::Unit, "ota-protocol", ""), cases)]);
        let expected = "### ota-protocol\n\n| claim | test | result |\n|---|---|---|\n\
            | a key may not be empty | `key::a_key_may_not_be_empty` | ok |\n\
            | needs a broker | `key::needs_a_broker` | ignored: a \\| b |\n\
            | a step above 100 is refused | `step::a_step_above_100_is_refused` | **failed** |\n";
        assert!(page.contains(expected), "{page}");
        assert!(page.contains("| Unit | 1 | 1 | 1 |\n"), "{page}");
        assert!(page.contains("| All | 1 | 1 | 1 |\n"), "{page}");
        assert!(page.contains("Run on 2026-11-24 with rustc 1.95.0 on 2 cores.\n"), "{page}");
    }

    #[test]
    fn an_example_is_named_by_its_item_and_not_by_its_line() {
        let name = "components/libs/protocol/src/key.rs - key::ProductKey::parse (line 12)";
        assert_eq!(example(name), ("components/libs/protocol/src/key.rs", "key::ProductKey::parse"));
        assert_eq!(example("src/lib.rs - (line 3)"), ("src/lib.rs", "the crate"));
    }

    #[test]
    fn a_suite_that_breaks_off_is_a_failed_claim() {
        let mut broken = ran(Suite::for_test(Tier::System, "ota-it", "it"), Vec::new());
        broken.broken = Some("signal: 6".to_owned());
        let page = shown(&[broken]);
        assert!(page.contains("### ota-it, tests/it\n"), "{page}");
        assert!(page.contains("| the suite runs to its end | | **failed**: signal: 6 |"), "{page}");
        assert!(page.contains("| System | 0 | 1 | 0 |"), "{page}");
    }

    #[test]
    fn the_same_run_gives_the_same_page() {
        let suites = || {
            let forth = vec![case("a", Verdict::Passed), case("b", Verdict::Passed)];
            [ran(Suite::for_test(Tier::Unit, "ota-image", ""), forth)]
        };
        let back = {
            let [mut suite] = suites();
            suite.cases.reverse();
            [suite]
        };
        let claims = |page: String| page.split_once("### ").unwrap().1.to_owned();
        assert_eq!(claims(shown(&suites())), claims(shown(&back)));
    }
}
