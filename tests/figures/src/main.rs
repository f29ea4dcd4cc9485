//! Prints the figures as Markdown; the exit code is 1 when one is not as claimed, which the last line then says.

use std::process::ExitCode;

/// The largest fleet.
const LARGEST: usize = 10_000;

fn main() -> ExitCode {
    let figures = ota_figures::all(LARGEST);
    for table in &figures {
        println!("{}", table.markdown());
    }
    let broken: Vec<&String> = figures.iter().flat_map(|table| &table.broken).collect();
    for claim in &broken {
        println!("not as claimed: {claim}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
