//! What Rust's test harness prints, line by line. It knows nothing of crates or tiers.

/// One test and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// As the harness spells it: a path of modules, or the place of a documentation example.
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// With its reason, if it has one.
    Ignored(String),
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl Case {
    /// The case that a line tells of, if it does: `test message::a_step_above_100_is_refused ... ok`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        let verdict = match outcome.trim_end() {
            "ok" => Verdict::Passed,
            "FAILED" => Verdict::Failed,
            "ignored" => Verdict::Ignored(String::new()),
            other => Verdict::Ignored(other.strip_prefix("ignored, ")?.to_owned()),
        };
        let name = name.trim_end_matches(" - should panic").trim_end_matches(" - compile fail");
        Some(Self { name: name.to_owned(), verdict })
    }
}

impl Tally {
    /// The sum that a harness closes with: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
            part.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }

    pub(crate) fn of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut tally = Self::default();
        for case in cases {
            match case.verdict {
                Verdict::Passed => tally.passed += 1,
                Verdict::Failed => tally.failed += 1,
                Verdict::Ignored(_) => tally.ignored += 1,
            }
        }
        tally
    }

    pub(crate) fn all(self) -> usize {
        self.passed + self.failed + self.ignored
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_its_name_and_its_verdict() {
        for (line, name, verdict) in [
            ("test a::b_c ... ok", "a::b_c", Verdict::Passed),
            ("test a ... FAILED", "a", Verdict::Failed),
            ("test a ... ignored", "a", Verdict::Ignored(String::new())),
            ("test a ... ignored, needs a broker", "a", Verdict::Ignored("needs a broker".to_owned())),
            ("test a - should panic ... ok", "a", Verdict::Passed),
            (
                "test src/a.rs - A::new (line 3) - compile fail ... ok",
                "src/a.rs - A::new (line 3)",
                Verdict::Passed,
            ),
        ] {
            assert_eq!(Case::parse(line), Some(Case { name: name.to_owned(), verdict }), "{line}");
        }
    }

    #[test]
    fn other_lines_tell_of_no_case() {
        for line in [
            "",
            "running 3 tests",
            "test a has been running for over 60 seconds",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test a ... no verdict",
            "a test ... ok",
        ] {
            assert_eq!(Case::parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_closing_line_has_the_sums() {
        let line = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(Tally::parse(line), Some(Tally { passed: 31, failed: 2, ignored: 1 }));
        assert_eq!(Tally::parse("running 3 tests"), None);
        assert_eq!(Tally::parse("test result: ok. many passed; 0 failed; 0 ignored"), None);
    }
}
