//! The folder that a gateway keeps everything in; one gateway at a time, and parts of it beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};

/// A folder. A gateway's is its own until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl StateDir {
    /// Takes the folder, made for its owner only when it is not there.
    pub(crate) fn claim(path: &Path) -> Result<Self, Failure> {
        let folder = Self::join(path)?;
        let lock = File::create(path.join("lock")).map_err(|error| unusable(path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock), ..folder }),
            Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                Kind::Local,
                format!("another gateway runs on the folder {}", path.display()),
                "stop that one, or choose another folder with --dir",
            )),
        }
    }

    /// Takes part in the folder of a gateway, which may be running or not be there yet. Its databases and its secrets
    /// are made for several processes.
    pub(crate) fn join(path: &Path) -> Result<Self, Failure> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| unusable(path, &error))?;
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Local,
        format!("cannot use the folder {}: {error}", path.display()),
        "choose another with --dir",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_gateway_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let first = StateDir::claim(&path).unwrap();
        let refused = StateDir::claim(&path).unwrap_err().to_string();
        assert!(refused.contains("another gateway runs on the folder"), "{refused}");
        drop(first);
        StateDir::claim(&path).unwrap();
    }
}
