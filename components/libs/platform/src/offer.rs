//! How a command of the ledger is told: an offer, with the link that lets its device in.

use ota_ledger::command::Command;
use ota_protocol::link::file_url;
use ota_protocol::offer::{Offer, upgrade_command};
use ota_protocol::version::Version;

use crate::failure::Failure;
use crate::gateway::Gateway;

impl Gateway<'_> {
    /// `command` as a line of getversion's list.
    pub fn offer(&self, command: &Command) -> Result<Offer, Failure> {
        let firmware = &command.firmware;
        let url = file_url(
            &self.public_url()?,
            &self.organisation()?,
            &file_name(&firmware.version),
            &command.link.sign(&self.link_keys()?),
        );
        Offer::new(
            firmware.version.clone(),
            firmware.sign_method,
            &firmware.sign(),
            &url,
            firmware.image.size,
        )
        .map_err(|error| Failure::Broken(format!("firmware {}: {error}", firmware.version)))
    }

    /// `command` as the payload of a push.
    pub fn upgrade(&self, command: &Command) -> Result<String, Failure> {
        let push_id = command
            .push_id
            .as_deref()
            .ok_or_else(|| Failure::Broken("a command without a push id".to_owned()))?;
        Ok(upgrade_command(push_id, &self.offer(command)?))
    }
}

/// A name for people; the link decides. Short and plain, since it stands in a header.
fn file_name(version: &Version) -> String {
    const LONGEST: usize = 64;
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' }
    };
    let name: String = version.as_str().chars().map(plain).take(LONGEST).collect();
    format!("{name}.bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_plain_and_short() {
        for (version, expected) in [
            ("v1.0", "v1.0.bin".to_owned()),
            ("a/../b?é", "a-..-b--.bin".to_owned()),
            (&"x".repeat(128), format!("{}.bin", "x".repeat(64))),
        ] {
            assert_eq!(file_name(&Version::parse(version).unwrap()), expected);
        }
    }
}
