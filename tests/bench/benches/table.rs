//! `cargo bench`: measures, prints one table, writes `tests/bench/README.md`. `cargo bench -- scale` measures and prints
//! one part of it.

fn main() -> anyhow::Result<()> {
    // Cargo adds an option of its own.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    ota_bench::run(&asked)
}
