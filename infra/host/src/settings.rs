//! What a caller decides about a host: where it reads, writes and listens, and
//! what a guest may use.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

/// Less than any component needs to start.
const LEAST_MEMORY: usize = 1024 * 1024;
/// Each reserves 4 GiB of addresses.
const MOST_INSTANCES: u32 = 10_000;

/// Settings of one host; every field but `manifest` has a sensible default.
#[derive(Clone)]
pub struct Settings {
    /// The `spin.toml`; sources in it are relative to its folder.
    pub manifest: PathBuf,
    /// Where `sqlite_key_value.db` and `sqlite_db.db` live; created when absent.
    pub state_dir: PathBuf,
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The components that are served, by their ids, as with `spin up --component-id`; all of them when it is empty.
    pub components: Vec<String>,
    /// Values of application variables, by their name in the manifest.
    pub variables: BTreeMap<String, String>,
    /// Where compiled components are kept between runs; by default
    /// `target/wasm-cache` beside the manifest.
    pub cache_dir: Option<PathBuf>,
    /// A PEM file of authorities whose certificates a Postgres may have, besides those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// What one guest, and all of them, may use.
    pub limits: Limits,
}

/// Limits on guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance. Growth beyond fails in the guest.
    pub memory: usize,
    /// The longest wait for a response head since the last byte of the request came in.
    pub response_head: Duration,
    /// The longest time in which no byte of a response body gets on.
    pub idle: Duration,
    /// Requests handled at once; one more is answered 503. At most 10 000.
    pub instances: u32,
    /// Requests an instance handles before it is dropped; 1 is what Spin does.
    pub requests_per_instance: u32,
}

impl Settings {
    /// Settings for the manifest with everything else at its default.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self { manifest: manifest.into(), ..Self::default() }
    }

    /// The folder that the manifest's paths are relative to.
    pub(crate) fn manifest_dir(&self) -> &Path {
        match self.manifest.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The folder of the code cache.
    pub(crate) fn cache_dir(&self) -> PathBuf {
        self.cache_dir.clone().unwrap_or_else(|| self.manifest_dir().join("target/wasm-cache"))
    }
}

impl Limits {
    /// Refuses what no request could be served within.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { memory, instances, requests_per_instance, .. } = *self;
        ensure!(memory >= LEAST_MEMORY, "a memory limit of {memory} bytes is below {LEAST_MEMORY}");
        ensure!(
            (1..=MOST_INSTANCES).contains(&instances),
            "{instances} instances are not between 1 and {MOST_INSTANCES}"
        );
        ensure!(requests_per_instance > 0, "an instance must handle one request at least");
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            manifest: PathBuf::from("spin.toml"),
            state_dir: PathBuf::from(".spin"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            components: Vec::new(),
            variables: BTreeMap::new(),
            cache_dir: None,
            authorities: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 * 1024 * 1024,
            response_head: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            instances: 1_000,
            requests_per_instance: 128,
        }
    }
}

/// Shows the names of the variables and none of their values.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("manifest", &self.manifest)
            .field("state_dir", &self.state_dir)
            .field("listen", &self.listen)
            .field("components", &self.components)
            .field("variables", &self.variables.keys())
            .field("cache_dir", &self.cache_dir)
            .field("authorities", &self.authorities)
            .field("limits", &self.limits)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_values_of_variables() {
        let mut settings = Settings::new("app/spin.toml");
        settings.variables.insert("operator_token".to_owned(), "hunter2".to_owned());
        let shown = format!("{settings:?}");
        assert!(shown.contains("operator_token") && !shown.contains("hunter2"));
    }

    #[test]
    fn limits_that_serve_nobody_are_refused() {
        assert!(Limits::default().check().is_ok());
        for limits in [
            Limits { memory: 65_536, ..Limits::default() },
            Limits { instances: 0, ..Limits::default() },
            Limits { instances: 10_001, ..Limits::default() },
            Limits { requests_per_instance: 0, ..Limits::default() },
        ] {
            assert!(limits.check().is_err(), "{limits:?}");
        }
    }

    #[test]
    fn the_code_cache_lies_beside_the_manifest_unless_set() {
        let settings = Settings::new("app/spin.toml");
        assert_eq!(settings.cache_dir(), Path::new("app/target/wasm-cache"));
        assert_eq!(Settings::new("spin.toml").manifest_dir(), Path::new("."));
    }
}
