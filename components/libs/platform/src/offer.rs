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
    use ota_image::{BlocksRoot, Image, Md5, ObjectId, Sha256, Store};
    use ota_ledger::record::{Duties, FirmwareRecord};
    use ota_protocol::key::{DeviceId, ProductKey};
    use ota_protocol::link::{FileRequest, Link};
    use ota_protocol::message::SignMethod;

    use super::*;
    use crate::native::World;

    fn command(push_id: Option<&str>) -> Command {
        let bytes = b"firmware";
        Command {
            push_id: push_id.map(str::to_owned),
            firmware: FirmwareRecord {
                product: ProductKey::parse("pk").unwrap(),
                version: Version::parse("v2 β").unwrap(),
                sequence: 2,
                image: Image {
                    store: Store::Kv,
                    object: ObjectId::from_random([1; 16]),
                    size: 8,
                    sha256: Sha256::of(bytes),
                    blocks_root: BlocksRoot::of(8, &[]),
                },
                md5: Md5::of(bytes),
                sign_method: SignMethod::Md5,
                quarantined_at: None,
                duties: Duties::default(),
                signed_by: None,
            },
            link: Link {
                epoch: 1,
                device: DeviceId::parse("pk", "dk").unwrap(),
                task: "0123456789ab".to_owned(),
                attempt: 1,
                expires_at: 1_795_455_510_094,
            },
        }
    }

    #[test]
    fn an_offer_leads_back_to_its_link() {
        let world = World::new().unwrap();
        let command = command(None);
        let offer = world.gateway().offer(&command).unwrap();
        assert_eq!(offer.sign(), Md5::of(b"firmware").to_hex());
        assert_eq!(offer.file_size(), 8);
        let path = offer.file_url().strip_prefix("http://gateway.test").unwrap();
        let (path, query) = path.split_once('?').unwrap();
        assert_eq!(path, "/fleet/ota/v2--.bin");
        let request = FileRequest::parse(path, query).unwrap();
        let keys = world.gateway().link_keys().unwrap();
        assert_eq!(Link::open(&request.token, &keys).as_ref(), Ok(&command.link));
    }

    #[test]
    fn a_push_carries_its_id_and_an_offer_is_no_push() {
        let world = World::new().unwrap();
        let payload = world.gateway().upgrade(&command(Some("7000000000000000001"))).unwrap();
        assert!(payload.starts_with(r#"{"id":"7000000000000000001","#), "{payload}");
        assert!(world.gateway().upgrade(&command(None)).is_err());
    }

    #[test]
    fn without_its_variables_nothing_is_offered() {
        for variable in ["public_url", "link_key"] {
            let mut world = World::new().unwrap();
            world.variables.remove(variable);
            let refused = world.gateway().offer(&command(None)).unwrap_err();
            assert_eq!(refused.to_string(), format!("closed: variable {variable} is not set"));
        }
    }

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
