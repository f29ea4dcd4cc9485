//! How large the components are, against the largest application that any of its platforms takes.

use std::fs;

use anyhow::{Context as _, Result};

use crate::page::Row;
use crate::workspace;

/// The components of `spin.toml`.
pub(crate) const COMPONENTS: [&str; 7] =
    ["inform", "progress", "getversion", "upgrade", "firmware", "access", "operator"];

/// The cap of one whole application on Akamai Functions (kB).
const CAP: f64 = 50.0 * 1024.0 * 1.024;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut sum = 0.0;
    for component in COMPONENTS {
        let path = workspace().join(format!("target/wasm32-wasip2/release/ota_{component}.wasm"));
        let size = fs::metadata(&path).with_context(|| format!("cannot see {}", path.display()))?.len();
        #[expect(clippy::cast_precision_loss, reason = "a size on disk is far below 2^52")]
        let size = size as f64 / 1000.0;
        sum += size;
        rows.push(row(format!("size of {component}"), size));
    }
    rows.push(row("size of all components".to_owned(), sum));
    Ok(rows)
}

fn row(what: String, size: f64) -> Row {
    Row { what, measured: size, against: "the least cap of a platform".to_owned(), baseline: CAP, unit: "kB" }
}
