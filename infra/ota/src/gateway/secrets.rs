//! The gateway's secrets: made once, kept in `secrets.toml` beside the store, readable by their owner only.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::StateDir;
use crate::failure::{Failure, Kind};

const FILE: &str = "secrets.toml";

/// What `spin.toml` wants kept secret.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// What operators show.
    operator_token: String,
    /// What the bridge shows.
    bridge_token: String,
    /// Seals download links and sessions.
    link_key: String,
    /// Encrypts device secrets at rest.
    secret_key: String,
}

impl Secrets {
    /// Those of the folder, made now if it has none; `operator_token` replaces the kept one for this run.
    pub(crate) fn of(state: &StateDir, operator_token: Option<&str>) -> Result<Self, Failure> {
        let path = state.path().join(FILE);
        let mut secrets = Self::load_or_make(&path).map_err(|error| {
            Failure::local(&error, "restore the file, or begin anew in another folder with --dir")
        })?;
        if let Some(token) = operator_token {
            check(token).map_err(|error| {
                Failure::new(
                    Kind::Usage,
                    format!("OTA_TOKEN cannot be used: {error}"),
                    "unset it, and a token is made and kept",
                )
            })?;
            token.clone_into(&mut secrets.operator_token);
        }
        Ok(secrets)
    }

    pub(crate) fn operator_token(&self) -> &str {
        &self.operator_token
    }

    pub(crate) fn bridge_token(&self) -> &str {
        &self.bridge_token
    }

    /// As variables of the application.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        self.named().map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn named(&self) -> [(&'static str, &str); 4] {
        [
            ("operator_token", &self.operator_token),
            ("bridge_token", &self.bridge_token),
            ("link_key", &self.link_key),
            ("secret_key", &self.secret_key),
        ]
    }

    fn load_or_make(path: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::read(&text).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::make()?;
                match secrets.write(path) {
                    Ok(()) => Ok(secrets),
                    // Another process on the folder made them first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load_or_make(path),
                    Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
                }
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        // The parser's own message would quote the line, and so the secret.
        let secrets: Self = toml::from_str(text).ok().context("it does not hold the four secrets")?;
        for (name, value) in secrets.named() {
            check(value).with_context(|| name.to_owned())?;
        }
        Ok(secrets)
    }

    fn make() -> anyhow::Result<Self> {
        Ok(Self {
            operator_token: random()?,
            bridge_token: random()?,
            link_key: random()?,
            secret_key: random()?,
        })
    }

    /// Under another name first, so that a crash leaves either all of it or nothing. What is there already stays.
    fn write(&self, path: &Path) -> io::Result<()> {
        let fresh = path.with_extension(format!("toml.{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        writeln!(file, "# Secrets of this gateway. Whoever has them controls it.")?;
        for (name, value) in self.named() {
            writeln!(file, "{name} = \"{value}\"")?;
        }
        file.sync_all()?;
        let linked = fs::hard_link(&fresh, path);
        fs::remove_file(fresh)?;
        linked
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// 256 random bits in hex.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
    Ok(hex::encode(bytes))
}

/// A secret stands in a header and on a command line: visible ASCII, and enough of it not to be guessed.
fn check(value: &str) -> anyhow::Result<()> {
    ensure!(value.len() >= 8, "it has {} characters, at least 8 are needed", value.len());
    let is_visible = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    ensure!(is_visible, "only visible ASCII without quotes and backslashes is allowed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::claim(&root.path().join("state")).unwrap();
        (root, state)
    }

    #[test]
    fn secrets_are_made_once_and_all_differ() {
        let (_root, state) = state();
        let made = Secrets::of(&state, None).unwrap().variables();
        assert_eq!(Secrets::of(&state, None).unwrap().variables(), made);
        let distinct: std::collections::BTreeSet<_> = made.values().collect();
        assert_eq!(distinct.len(), 4);
        assert!(made.values().all(|value| value.len() == 64));
    }

    #[test]
    fn what_another_process_made_first_stays() {
        let (_root, state) = state();
        let first = Secrets::of(&state, None).unwrap();
        let refused = Secrets::make().unwrap().write(&state.path().join(FILE)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(Secrets::of(&state, None).unwrap().variables(), first.variables());
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 2, "the lock and the secrets");
    }

    #[test]
    fn only_their_owner_can_read_them() {
        let (_root, state) = state();
        Secrets::of(&state, None).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(state.path().join(FILE)), 0o600);
        assert_eq!(mode(state.path().to_owned()), 0o700);
    }

    #[test]
    fn a_given_token_is_used_and_not_kept() {
        let (_root, state) = state();
        let given = Secrets::of(&state, Some("given-token")).unwrap();
        assert_eq!(given.operator_token(), "given-token");
        assert_ne!(Secrets::of(&state, None).unwrap().operator_token(), "given-token");
        for bad in ["short", "with space", "line\nbreak-x", "qu\"ote-xxx"] {
            assert!(Secrets::of(&state, Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_quoted() {
        let (_root, state) = state();
        for text in
            ["", "operator_token = \"hunter22-hunter22", "operator_token = \"hunter22-hunter22\"\nx = 1"]
        {
            fs::write(state.path().join(FILE), text).unwrap();
            let refused = Secrets::of(&state, None).unwrap_err().to_string();
            assert!(refused.contains("is damaged") && !refused.contains("hunter22"), "{refused}");
        }
    }
}
