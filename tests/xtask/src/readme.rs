//! The commands in `README.md`: every fenced `sh` block says in its info string what runs it.
//!
//! `sh ci`: its lines stand in `.ci/run`. `sh up` and `sh operator`: a gateway and what is asked of it, run here.
//! `sh with-spin`: the transcript that `tests/it` runs against the native host. Any other `sh` block is refused:
//! what nothing runs is soon wrong. What needs `spin` itself stands in a `console` block, which nothing here can run.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::steps::Done;
use crate::transcript;
use crate::workspace::Workspace;

/// A fenced block of commands.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// Of its fence, from 1.
    line: usize,
    /// What follows `sh` on the fence.
    mark: String,
    commands: String,
}

/// Runs what is to be run here, with the program `ota`, and sees that the rest is run elsewhere.
pub(crate) fn check(workspace: &Workspace, ota: &Path) -> Result<Done> {
    let ci = workspace.read(".ci/run")?;
    let blocks = blocks(&workspace.read("README.md")?);
    for block in &blocks {
        let at = || format!("README.md, line {}", block.line);
        match block.mark.as_str() {
            "ci" => block.stands_in(&ci).with_context(at)?,
            "up" | "operator" | "with-spin" => {}
            other => bail!(
                "{}: nothing runs a block marked {other:?}; mark it ci, up, operator or with-spin",
                at()
            ),
        }
    }
    let marked = |mark: &str| {
        let mut found = blocks.iter().filter(|block| block.mark == mark);
        found.next().with_context(|| format!("README.md has no block marked {mark}"))
    };
    transcript::play(workspace, ota, &marked("up")?.commands, &marked("operator")?.commands)?;
    Ok(Done::passed(format!("{} blocks of commands", blocks.len())))
}

impl Block {
    fn stands_in(&self, script: &str) -> Result<()> {
        let ran: Vec<&str> = script.lines().map(str::trim).collect();
        for command in self.commands.lines().map(without_comment).filter(|command| !command.is_empty()) {
            if !ran.contains(&command) {
                bail!(".ci/run does not run `{command}`");
            }
        }
        Ok(())
    }
}

/// A command without the comment behind it.
pub(crate) fn without_comment(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(command, _)| command).trim()
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Fence> = None;
    for (n, line) in readme.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Fence::open(n + 1, info)),
            (Some(_), Some(_)) => blocks.extend(open.take().and_then(|fence| fence.commands)),
            (None, Some(fence)) => fence.push(line),
            (None, None) => {}
        }
    }
    blocks
}

/// A fence that is open, and its block if it is one of commands.
struct Fence {
    commands: Option<Block>,
}

impl Fence {
    fn open(line: usize, info: &str) -> Self {
        let mark = info.strip_prefix("sh").filter(|rest| rest.is_empty() || rest.starts_with(' '));
        let block = |mark: &str| Block { line, mark: mark.trim().to_owned(), commands: String::new() };
        Self { commands: mark.map(block) }
    }

    fn push(&mut self, line: &str) {
        if let Some(block) = &mut self.commands {
            block.commands.push_str(line);
            block.commands.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Title\n\n```sh ci\ncargo demo # 20 devices\n```\ntext\n```json\n{}\n```\n```sh\nls\n```\n```shell\nx\n```\n";

    #[test]
    fn blocks_of_sh_are_found_with_their_marks() {
        let found = blocks(README);
        let expected = [(3, "ci", "cargo demo # 20 devices\n"), (10, "", "ls\n")];
        let found: Vec<_> =
            found.iter().map(|block| (block.line, block.mark.as_str(), block.commands.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_block_for_ci_stands_there_line_by_line() {
        let block = &blocks(README)[0];
        assert!(block.stands_in("set -e\n  cargo demo\n").is_ok());
        let error = block.stands_in("cargo demo --json\n").unwrap_err().to_string();
        assert_eq!(error, ".ci/run does not run `cargo demo`");
    }
}
