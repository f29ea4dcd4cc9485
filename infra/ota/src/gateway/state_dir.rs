//! The folder that a gateway keeps everything in; one gateway at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};

/// A folder that is ours until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Takes the folder, made for its owner only when it is not there.
    pub(crate) fn claim(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::new(
                Kind::Local,
                format!("cannot use the folder {}: {error}", path.display()),
                "choose another with --dir",
            )
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                Kind::Local,
                format!("another gateway runs on the folder {}", path.display()),
                "stop that one, or choose another folder with --dir",
            )),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
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
