//! The file that is pushed: measured once, read again as it is sent, never held in memory.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};
use crate::present::{Phase, UploadBar};

/// How much is read at once (bytes).
const READ: usize = 256 << 10;

/// A regular file as it was when it was measured.
#[derive(Debug)]
pub(super) struct FirmwareFile {
    path: PathBuf,
    size: u64,
    changed_at: Option<SystemTime>,
    sha256: String,
    md5: String,
}

impl FirmwareFile {
    /// Reads the file to its end.
    pub(super) fn measure(path: &Path, bar: &UploadBar) -> Result<Self, Failure> {
        let (mut file, facts) = open(path)?;
        bar.clone().begin(Phase::Reading, facts.len(), 0);
        let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
        let mut buffer = vec![0; READ];
        let mut size = 0;
        loop {
            let read = file.read(&mut buffer).map_err(|error| unreadable(path, &error))?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            sha256.update(bytes);
            md5.update(bytes);
            size += read as u64;
            bar.tick(read as u64);
        }
        Ok(Self {
            path: path.to_owned(),
            size,
            changed_at: facts.modified().ok(),
            sha256: hex::encode(sha256.finalize()),
            md5: hex::encode(md5.finalize()),
        })
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// In lower-case hex.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// In lower-case hex.
    pub(super) fn md5(&self) -> &str {
        &self.md5
    }

    /// `length` bytes from `position` on, of a file that has not changed.
    pub(super) fn slice(&self, position: u64, length: u64, bar: &UploadBar) -> Result<Slice, Failure> {
        let (mut file, facts) = open(&self.path)?;
        if facts.len() != self.size || facts.modified().ok() != self.changed_at {
            return Err(self.changed());
        }
        file.seek(SeekFrom::Start(position)).map_err(|error| unreadable(&self.path, &error))?;
        Ok(Slice { file, left: length, bar: bar.clone(), trouble: None })
    }

    /// A failure if what came of the slice was not all that was there when the file was measured.
    pub(super) fn check(&self, slice: Slice) -> Result<(), Failure> {
        match slice.trouble {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.changed()),
            Some(error) => Err(unreadable(&self.path, &error)),
        }
    }

    /// Whether the file, read to its end again, is another one now.
    pub(super) fn has_changed(&self, bar: &UploadBar) -> bool {
        Self::measure(&self.path, bar).is_ok_and(|now| now.sha256 != self.sha256)
    }

    pub(super) fn changed(&self) -> Failure {
        Failure::new(
            Kind::Local,
            format!("{} changed while it was pushed", self.path.display()),
            "push it again once nobody writes to it any more; nothing was registered",
        )
    }
}

/// Some bytes on their way out.
pub(super) struct Slice {
    file: File,
    left: u64,
    bar: UploadBar,
    /// What went wrong with reading: whoever sends the bytes says only that they ended.
    trouble: Option<io::Error>,
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        match self.file.read(buffer) {
            Ok(0) => {
                self.trouble = Some(io::ErrorKind::UnexpectedEof.into());
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Ok(read) => {
                self.left -= read as u64;
                self.bar.tick(read as u64);
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = error.kind().into();
                self.trouble = Some(error);
                Err(told)
            }
        }
    }
}

/// A regular file: a pipe has no length to announce and cannot be read twice.
fn open(path: &Path) -> Result<(File, Metadata), Failure> {
    let file = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    match file {
        Ok((facts, file)) if facts.is_file() => Ok((file, facts)),
        Ok(_) => Err(Failure::new(
            Kind::Local,
            format!("{} is not a file", path.display()),
            "a firmware is one regular file: a folder must be packed, a pipe written to a file first",
        )),
        Err(error) => Err(Failure::new(
            Kind::Local,
            format!("cannot open {}: {error}", path.display()),
            "is the path right? it is relative to the current folder",
        )),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    Failure::new(Kind::Local, message, "may you read it, and is its disk well?")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn measured(bytes: &[u8]) -> (tempfile::NamedTempFile, FirmwareFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let measured = FirmwareFile::measure(file.path(), &UploadBar::new()).unwrap();
        (file, measured)
    }

    #[test]
    fn a_file_is_measured_to_its_end() {
        let (_kept, file) = measured(b"abc");
        assert_eq!((file.size(), file.md5()), (3, "900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(file.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_slice_is_what_stands_there_and_no_more() {
        let (_kept, file) = measured(b"abcdef");
        let mut slice = file.slice(2, 3, &UploadBar::new()).unwrap();
        let mut text = String::new();
        slice.read_to_string(&mut text).unwrap();
        assert_eq!(text, "cde");
        assert!(file.check(slice).is_ok());
    }

    #[test]
    fn a_file_that_became_shorter_has_changed_before_and_while_it_is_read() {
        let (kept, file) = measured(b"abcdef");
        let mut slice = file.slice(0, 6, &UploadBar::new()).unwrap();
        fs::write(kept.path(), "abc").unwrap();
        assert!(slice.read_to_end(&mut Vec::new()).is_err());
        assert!(file.check(slice).unwrap_err().message().contains("changed while it was pushed"));
        assert!(file.slice(0, 6, &UploadBar::new()).is_err());
        assert!(file.has_changed(&UploadBar::new()));
    }
}
