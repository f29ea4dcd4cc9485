//! The table, as text and as a page of Markdown.

use std::fmt::Write as _;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result};

/// One measurement beside the one that it is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    pub(crate) measured: f64,
    /// What it is compared with.
    pub(crate) against: String,
    pub(crate) baseline: f64,
    /// Of both.
    pub(crate) unit: &'static str,
}

/// All rows, and what they were measured with.
pub(crate) struct Page {
    rows: Vec<Row>,
    toolchain: String,
    date: String,
    cores: usize,
}

impl Page {
    pub(crate) fn new(rows: Vec<Row>) -> Result<Self> {
        Ok(Self {
            rows,
            toolchain: said(Command::new("rustc").arg("--version"))?,
            date: said(Command::new("date").arg("+%Y-%m-%d"))?,
            cores: thread::available_parallelism()?.get(),
        })
    }

    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let head = HEAD.map(str::to_owned);
        let rows: Vec<[String; 5]> = [head].into_iter().chain(self.rows.iter().map(Row::cells)).collect();
        let mut widths = [0; 5];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(widths).enumerate().map(|(n, (cell, width))| match n {
                // What is counted stands to the right.
                1 | 3 | 4 => format!("{cell:>width$}"),
                _ => format!("{cell:width$}"),
            });
            line(&mut text, &cells.collect::<Vec<_>>().join("  "));
        }
        text
    }

    /// For the repository.
    pub(crate) fn markdown(&self) -> String {
        let Self { toolchain, date, cores, .. } = self;
        let mut page = format!(
            "# Benchmarks\n\n\
             Written by `cargo bench`, not by hand: on {date}, with {toolchain}, on {cores} cores.\n\
             Each row is a ratio of two measurements of one run; client, server and baseline share the machine.\n\
             The host runs the components that ship; its own code is built with `opt-level = 3`.\n\n\
             | {} |\n|---|--:|---|--:|--:|\n",
            HEAD.join(" | ")
        );
        for row in &self.rows {
            line(&mut page, &format!("| {} |", row.cells().join(" | ")));
        }
        page
    }
}

const HEAD: [&str; 5] = ["what", "measured", "against", "baseline", "ratio"];

impl Row {
    fn cells(&self) -> [String; 5] {
        let Self { what, measured, against, baseline, unit } = self;
        let with_unit = |value: f64| format!("{} {unit}", shown(value));
        let ratio = if *baseline == 0.0 { String::new() } else { format!("{:.2}", measured / baseline) };
        [what.clone(), with_unit(*measured), against.clone(), with_unit(*baseline), ratio]
    }
}

/// Three digits that mean something.
fn shown(value: f64) -> String {
    match value {
        _ if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let row = |what: &str, measured, baseline| Row {
            what: what.to_owned(),
            measured,
            against: "the same natively".to_owned(),
            baseline,
            unit: "MB/s",
        };
        let rows = vec![row("download", 750.4, 1500.8), row("nothing", 1.0, 0.0)];
        Page { rows, toolchain: "rustc 1.95.0".to_owned(), date: "2026-11-24".to_owned(), cores: 2 }
    }

    #[test]
    fn a_row_ends_with_its_ratio() {
        let markdown = page().markdown();
        assert!(
            markdown.contains("| download | 750 MB/s | the same natively | 1501 MB/s | 0.50 |\n"),
            "{markdown}"
        );
        assert!(page().text().contains("download  750 MB/s  the same natively  1501 MB/s   0.50\n"));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert!(page().markdown().contains("| nothing | 1 MB/s | the same natively | 0 MB/s |  |\n"));
    }

    #[test]
    fn numbers_keep_three_digits() {
        for (value, expected) in [(3.0, "3"), (3.456, "3.46"), (34.56, "34.6"), (345.6, "346")] {
            assert_eq!(shown(value), expected);
        }
    }
}
