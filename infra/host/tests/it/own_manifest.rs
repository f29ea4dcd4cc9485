//! The gateway's own `spin.toml` is one that Spin 3.5 takes.

use std::path::Path;

use ota_host::Settings;

#[tokio::test]
async fn the_gateways_manifest_is_read_up_to_its_missing_wasm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("spin.toml")).unwrap();
    // Read from a folder without built components: everything before loading must pass.
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    std::fs::write(&manifest, text).unwrap();
    let mut settings = Settings::new(&manifest);
    settings.state_dir = folder.path().join("state");
    settings.listen.set_port(0);
    let error = format!("{:#}", ota_host::start(settings).await.unwrap_err());
    assert!(error.contains("cargo build --release --target wasm32-wasip2"), "{error}");
}
