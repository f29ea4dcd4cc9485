//! Prints the figures as Markdown, of fleets of at most as many devices as its argument says; the exit code is 1 when
//! one is not as claimed, which the last line then says.

use std::process::ExitCode;

/// The largest fleet, unless the argument says another.
const LARGEST: usize = 100_000;

fn main() -> ExitCode {
    let largest = match std::env::args().nth(1).map(|argument| argument.parse()) {
        None => LARGEST,
        Some(Ok(largest)) => largest,
        Some(Err(error)) => {
            eprintln!("the argument is the size of the largest fleet: {error}");
            return ExitCode::from(2);
        }
    };
    let figures = ota_figures::all(largest);
    for table in &figures {
        println!("{}", table.markdown());
    }
    let broken: Vec<&String> = figures.iter().flat_map(|table| &table.broken).collect();
    for claim in &broken {
        println!("not as claimed: {claim}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
