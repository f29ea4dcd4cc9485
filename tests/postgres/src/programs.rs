//! The programs of Postgres, wherever the system keeps them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Where Debian keeps each version: `{version}/bin`, none of it on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder with `postgres` and `initdb`: one of the path, else the newest of Debian's.
pub(crate) fn folder() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(debians())
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
        .with_context(|| {
            format!("no postgres and initdb on the path or in {DEBIAN}/*/bin (on Debian: apt-get install postgresql)")
        })
}

/// Debian's, the newest first.
fn debians() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.iter().map(|version| Path::new(DEBIAN).join(version.to_string()).join("bin")).collect()
}
