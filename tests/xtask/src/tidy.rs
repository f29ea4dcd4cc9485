//! Rules on the form of the sources that neither rustfmt nor clippy knows.

use std::path::Path;

use anyhow::{Result, bail};

use crate::steps::Done;
use crate::workspace::Workspace;

/// The most lines of a source file that does not say why it is longer.
const LINES: usize = 400;
/// How its header says so.
const EXCUSE: &str = "//! Longer than 400 lines because";
/// Where the code map stands.
const MAP: &str = "components/README.md";

/// Every source file opens with a `//!` and is short or says why not; every path of the code map is there.
pub(crate) fn check(workspace: &Workspace) -> Result<Done> {
    let files = workspace.files()?;
    let mut faults = Vec::new();
    let sources: Vec<&String> = files.iter().filter(|path| is_source(path)).collect();
    for path in &sources {
        faults.extend(fault(&workspace.read(path)?).map(|fault| format!("{path} {fault}")));
    }
    for path in mapped(&workspace.read(MAP)?) {
        let is_there =
            files.iter().any(|file| file.strip_prefix(path.trim_end_matches('/')).is_some_and(is_end));
        if !is_there {
            faults.push(format!("{MAP} names {path}, which is not there"));
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(Done::passed(format!("{} source files", sources.len())))
}

fn is_source(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

fn fault(source: &str) -> Option<String> {
    if !source.starts_with("//!") {
        return Some("does not open with what it is for".to_owned());
    }
    let lines = source.lines().count();
    (lines > LINES && !source.contains(EXCUSE)).then(|| format!("has {lines} lines and does not say why"))
}

/// The paths of the repository that stand in backticks.
fn mapped(map: &str) -> Vec<&str> {
    // Every second piece stands between two backticks.
    let spans = map.split('`').skip(1).step_by(2);
    let is_path = |span: &&str| {
        let is_ours = ["components/", "infra/", "tests/"].iter().any(|folder| span.starts_with(folder));
        is_ours && !span.contains(['{', '*', ' ', '…', '<', ':'])
    };
    spans.filter(is_path).collect()
}

/// Whether a path that was found ends here, or goes on inside a folder.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_says_what_it_is_for_and_why_it_is_long() {
        assert_eq!(fault("//! Short.\n"), None);
        assert!(fault("fn main() {}\n").is_some());
        let long = format!("//! Long.\n{}", "\n".repeat(LINES));
        assert_eq!(fault(&long).as_deref(), Some("has 401 lines and does not say why"));
        assert_eq!(fault(&format!("{EXCUSE} it is a table.\n{}", "\n".repeat(LINES))), None);
    }

    #[test]
    fn the_map_names_paths_in_backticks() {
        let map = "| `components/inform/` | one topic |\nsee `tests/it`, `infra/{a,b}`, `cargo demo` and `components/x y`";
        assert_eq!(mapped(map), ["components/inform/", "tests/it"]);
    }
}
