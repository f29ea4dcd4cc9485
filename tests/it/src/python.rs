//! The vendor's own SDK, unmodified from `PyPI`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::identity::Identity;
use crate::program::Program;
use crate::venv;

/// Runs `python/<script>.py` as the device `identity`, which connects to `mqtt`.
pub fn sdk(script: &str, mqtt: std::net::SocketAddr, identity: &Identity) -> Program {
    let Identity { product, device, secret } = identity;
    let mut command = tokio::process::Command::new(python());
    command.arg(folder().join(script).with_extension("py")).args([
        &mqtt.to_string(),
        product,
        device,
        secret,
    ]);
    // The scripts are no place for what Python compiles.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Program::start(command)
}

/// The Python that has the SDK.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| venv::programs("python", &folder().join("requirements.txt")).join("python"))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
}
