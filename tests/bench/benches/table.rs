//! `cargo bench`: measures, prints one table, writes `tests/bench/README.md`.

fn main() -> anyhow::Result<()> {
    ota_bench::run()
}
