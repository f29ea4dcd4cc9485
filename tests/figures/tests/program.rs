//! The program that `cargo verify` runs for the figures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn figures(argument: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ota-figures")).arg(argument).output().unwrap()
}

#[test]
fn it_prints_a_table_for_each_claim_and_all_are_as_claimed() {
    let output = figures("1000");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for row in
        ["| 1 000 | 10 | 10 | gate: ", "| 1 % | ", "| 2 % | ", "| 3 % | ", "| 300 at work (the default) | "]
    {
        assert!(text.contains(row), "no row {row:?} in\n{text}");
    }
}

#[test]
fn a_fleet_that_is_no_number_is_refused() {
    let output = figures("many");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the size of the largest fleet"));
}
