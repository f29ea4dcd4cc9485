//! Runs every search and prints what was found; `--ways` shows how the promises of a mutilated ledger break.
//! The last line sums up; the exit code is 1 when a proof fails or a mutant is not caught.

use std::process::ExitCode;

use ota_model::search::{DEEPEST, MUTANTS, PROOFS};

fn main() -> ExitCode {
    let shows_ways = std::env::args().any(|argument| argument == "--ways");
    let (mut states, mut seconds, mut broken, mut caught) = (0, 0.0, 0, 0);
    for proof in PROOFS {
        let found = proof.run();
        println!("{}: {found}", proof.name);
        for counterexample in &found.broken {
            println!("  {counterexample}");
        }
        for unreached in &found.unreached {
            println!("  never: {unreached}");
        }
        states += found.states;
        seconds += found.seconds;
        broken += found.broken.len() + found.unreached.len();
    }
    for (mutant, promise) in MUTANTS {
        let counterexample = mutant.find(promise, DEEPEST);
        match &counterexample {
            Some(way) if shows_ways => println!("{}: {way}", mutant.name),
            Some(way) => println!("{}: “{promise}” breaks after {} steps", mutant.name, way.way.len()),
            None => println!("{}: not caught", mutant.name),
        }
        caught += usize::from(counterexample.is_some());
    }
    let mutants = MUTANTS.len();
    println!("states {states}, seconds {seconds:.1}, broken {broken}, mutants {mutants}, caught {caught}");
    if broken == 0 && caught == mutants { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
