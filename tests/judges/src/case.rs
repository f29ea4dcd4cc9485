//! What a judge gets, and what it gives.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use ota_it::Firmware;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A download that broke off, in a folder of its own.
pub(crate) struct Case {
    url: String,
    sign: String,
    folder: TempDir,
}

/// What became of it.
pub(crate) struct Verdict {
    /// Its name and version.
    pub(crate) judge: String,
    /// In a sentence.
    pub(crate) found: String,
    /// How it was called.
    pub(crate) command: String,
    /// What it said.
    pub(crate) said: String,
    /// What is to be said of that.
    pub(crate) after: String,
}

/// The name of the file.
pub(crate) const FILE: &str = "firmware.bin";

impl Case {
    /// The firmware at `url`, of which `half` is there.
    pub(crate) fn new(url: String, firmware: &Firmware, half: &[u8]) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        fs::write(folder.path().join(FILE), half)?;
        Ok(Self { url, sign: firmware.sign(), folder })
    }

    /// The SHA-256 that its device was told.
    pub(crate) fn sign(&self) -> &str {
        &self.sign
    }

    /// Where the file is.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Runs a judge on it; both of its outputs. `URL` stands for the link.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let with_url = |argument: &&str| argument.replace("URL", &self.url);
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("LC_ALL", "C.UTF-8").args(arguments.iter().map(with_url));
        let output = command.output().with_context(|| format!("cannot run {program}"))?;
        let text = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&text).replace(&self.url, "URL").replace('\r', "");
        ensure!(output.status.success(), "{program} ended with {}: {said}", output.status);
        Ok(said)
    }

    /// Fails unless the file is the firmware now.
    pub(crate) fn expect_whole(&self, said: &str) -> Result<()> {
        let bytes = fs::read(self.file())?;
        let sign = hex::encode(Sha256::digest(&bytes));
        ensure!(sign == self.sign, "{} bytes with SHA-256 {sign}, not {}: {said}", bytes.len(), self.sign);
        Ok(())
    }
}

/// The first line that `program --version` prints, up to where the machine begins.
pub(crate) fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("{program} is needed"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.split(" (").next().unwrap_or_default().split(" built").next().unwrap_or_default().to_owned())
}
