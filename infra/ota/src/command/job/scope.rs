//! Which devices a job takes in, on the command line and in files of keys.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use ota_protocol::key::DeviceKey;

use crate::failure::{Failure, Kind};

/// Without any of these a job takes every device of the product; with several it takes those that meet all.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which devices")]
pub(super) struct Scope {
    /// Only devices that run this version; may be repeated
    #[arg(long, value_name = "V")]
    from: Vec<String>,
    /// Only devices with one of these tags, separated by commas; may be repeated
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    tag: Vec<String>,
    /// Only these devices, separated by commas; may be repeated
    #[arg(long, value_name = "DK,…", value_delimiter = ',', value_parser = DeviceKey::parse)]
    devices: Vec<DeviceKey>,
    /// Only the devices in this file, one key a line
    #[arg(long, value_name = "FILE")]
    devices_file: Option<PathBuf>,
    /// Not these devices, separated by commas; may be repeated
    #[arg(long, value_name = "DK,…", value_delimiter = ',', value_parser = DeviceKey::parse)]
    exclude: Vec<DeviceKey>,
    /// Not the devices in this file, one key a line
    #[arg(long, value_name = "FILE")]
    exclude_file: Option<PathBuf>,
}

/// A scope with its files read.
pub(super) struct Read {
    pub(super) from: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) devices: Vec<String>,
    pub(super) exclude: Vec<String>,
}

impl Scope {
    pub(super) fn read(self) -> Result<Read, Failure> {
        Ok(Read {
            from: self.from,
            tags: self.tag,
            devices: keys(&self.devices, self.devices_file.as_deref())?,
            exclude: keys(&self.exclude, self.exclude_file.as_deref())?,
        })
    }
}

/// The keys of the command line and those of the file.
fn keys(named: &[DeviceKey], file: Option<&Path>) -> Result<Vec<String>, Failure> {
    let mut keys: Vec<String> = named.iter().map(ToString::to_string).collect();
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            Failure::new(Kind::Local, message, "is the path right? it is relative to the current folder")
        })?;
        keys.extend(lines(&text).map_err(|what| {
            let message = format!("{}: {what}", path.display());
            Failure::new(Kind::Usage, message, "the file has one device key a line; # begins a comment")
        })?);
    }
    Ok(keys)
}

/// One key a line; empty lines and comments are passed over. A file without keys is refused: were it taken for no
/// choice at all, the job would go to every device.
fn lines(text: &str) -> Result<Vec<String>, String> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let keys = keys.map(|(number, line)| match DeviceKey::parse(line) {
        Ok(key) => Ok(key.to_string()),
        Err(error) => Err(format!("line {number}: {error}")),
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err("it names no device".to_owned()) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_key_a_line_and_comments() {
        assert_eq!(lines("# site a\n a-1 \r\n\na:2\n").unwrap(), ["a-1", "a:2"]);
    }

    #[test]
    fn a_file_without_keys_is_not_taken_for_every_device() {
        for empty in ["", "\n", "# none\n"] {
            assert_eq!(lines(empty).unwrap_err(), "it names no device");
        }
    }

    #[test]
    fn a_bad_key_is_told_with_its_line() {
        assert!(lines("a\n\na b\n").unwrap_err().starts_with("line 3: "));
    }
}
