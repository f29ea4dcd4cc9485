//! `ota firmware push`: the file is read twice, once for the digest that the gateway must find, too,
//! once for the upload; never held in memory.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ota_protocol::key::ProductKey;
use sha2::{Digest, Sha256};

use crate::api::{Client, Duties, SignMethod, Upload};
use crate::failure::{Failure, Kind};
use crate::present::{Output, printable, size};

/// Uploads a firmware file.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Product key
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// The version that devices inform once they run it
    #[arg(long, value_name = "V")]
    version: String,
    /// The digest that devices are told [default of the gateway: md5]
    #[arg(long, value_enum)]
    sign_method: Option<SignMethod>,
    /// Devices on older firmware pass through this one on their way to newer ones
    #[arg(long)]
    must_pass: bool,
    /// Roll it out only after a verification job (`ota job create --verify`)
    #[arg(long)]
    needs_verification: bool,
    /// The most devices of a verification job, 1 to 1000 [default of the gateway: 5]
    #[arg(long, value_name = "N")]
    verify_most: Option<u32>,
    /// How many devices of a verification job have to succeed [default of the gateway: 1]
    #[arg(long, value_name = "N")]
    verify_least: Option<u32>,
}

impl Push {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let unreadable = |error: io::Error| {
            let message = format!("cannot read {}: {error}", self.file.display());
            Failure::new(Kind::Local, message, "may you read it, and is its disk well?")
        };
        let mut file = open(&self.file)?;
        let (length, sha256) = measure(&mut file).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let bar = upload_bar(length);
        let upload = Upload {
            product: &self.product,
            version: &self.version,
            sign_method: self.sign_method,
            size: length,
            sha256: &sha256,
            duties: self.duties(),
        };
        let answer = client.upload_firmware(&upload, &mut bar.wrap_read(file));
        bar.finish_and_clear();
        let answer = answer?;
        output.result(&answer.line(), || {
            let firmware = &answer.value;
            let duties = match firmware.duties() {
                None => String::new(),
                Some(duties) => format!("\nduties    {duties}"),
            };
            format!(
                "firmware  {} {}\nsize      {}\nsha256    {}\ntold as   {}{duties}",
                firmware.product,
                printable(&firmware.version),
                size(firmware.size),
                firmware.sha256,
                firmware.sign_method
            )
        })
    }

    fn duties(&self) -> Duties {
        Duties {
            must_pass: self.must_pass,
            needs_verification: self.needs_verification,
            verify_most: self.verify_most,
            verify_least: self.verify_least,
        }
    }
}

/// A regular file: a pipe has no length to announce and cannot be read twice.
fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    match file {
        Ok((facts, file)) if facts.is_file() => Ok(file),
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

/// Length in bytes and sha256 in lower-case hex of what is left to read.
fn measure(file: &mut impl Read) -> io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((length, hex::encode(digest.finalize())));
        };
        digest.update(bytes);
        length += read as u64;
    }
}

/// Shown only where stderr is a terminal.
fn upload_bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "uploading {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    );
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style.progress_chars("█▉▊▋▌▍▎▏░")),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_measured_to_its_end() {
        let (length, sha256) = measure(&mut &b"abc"[..]).unwrap();
        assert_eq!(length, 3);
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
