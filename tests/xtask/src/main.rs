//! The chores of this repository: `cargo verify`, `cargo xtask cold` and `cargo xtask mutate`.
//!
//! It runs other programs and reads what they print; it links nothing of the gateway, so that it is built in seconds
//! and can say what is wrong when the rest does not compile.

mod cold;
mod demo;
mod deny;
mod evidence;
mod judges;
mod libtest;
mod mutate;
mod process;
mod proofs;
mod readme;
mod setup;
mod steps;
mod suite;
mod tidy;
mod transcript;
mod verify;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo verify                  set up what is missing, check and test everything, write tests/EVIDENCE.md
                                     and what others' programs say of a download, tests/JUDGES.md
       cargo xtask cold [COMMAND…]   time `cargo COMMAND…` (demo --json if none is given) from a fresh clone,
                                     with an empty CARGO_HOME and an empty target folder
       cargo xtask mutate            take rules of the ledger away, one by one, and see that the tests say so";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = Workspace::find().and_then(|workspace| match words.as_slice() {
        ["verify"] => verify::run(&workspace),
        ["cold", command @ ..] => cold::run(&workspace, command),
        ["mutate"] => mutate::run(&workspace),
        _ => anyhow::bail!(USAGE),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
