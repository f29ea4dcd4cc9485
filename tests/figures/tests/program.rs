//! The program that prints the figures, as `cargo verify` runs it.

#[test]
fn every_figure_of_a_small_fleet_is_as_claimed() {
    let broken: Vec<String> = ota_figures::all(1000).into_iter().flat_map(|table| table.broken).collect();
    assert_eq!(broken, Vec::<String>::new());
    assert!(std::path::Path::new(env!("CARGO_BIN_EXE_ota-figures")).is_file());
}
