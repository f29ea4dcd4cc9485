//! The messages as a device writes and reads them (PROTOCOL §2), in the Java SDK's spelling.
//! Deliberately not the gateway's own decoder and encoder: a slip there must not be mirrored here.

use std::fmt;

use md5::Md5;
use ota_protocol::topic::Uplink;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A message from a device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) uplink: Uplink,
    pub(crate) payload: String,
}

impl Message {
    pub(crate) fn inform(id: &str, version: &str) -> Self {
        Self::request(Uplink::Inform, id, &json!({ "version": version }))
    }

    /// Steps are strings in the Java SDK.
    pub(crate) fn progress(id: &str, step: i32, desc: &str) -> Self {
        Self::request(Uplink::Progress, id, &json!({ "step": step.to_string(), "desc": desc }))
    }

    /// The receipt for the command with this id.
    pub(crate) fn upgrade_reply(id: &str) -> Self {
        let payload = json!({ "code": 200, "data": "", "id": id, "message": "" }).to_string();
        Self { uplink: Uplink::UpgradeReply, payload }
    }

    fn request(uplink: Uplink, id: &str, params: &serde_json::Value) -> Self {
        let method = format!("ota.device.{}", uplink.as_str());
        let payload = json!({ "method": method, "id": id, "params": params, "version": "1.1" });
        Self { uplink, payload: payload.to_string() }
    }
}

/// A command to upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) id: String,
    pub(crate) version: String,
    /// Lower-case hex, as told.
    pub(crate) sign: String,
    pub(crate) sign_method: Digester,
    pub(crate) file_url: String,
    /// Bytes.
    pub(crate) size: u64,
}

impl Command {
    /// Reads the payload of `…/upgrade`; all five fields must be there.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, serde_json::Error> {
        let Upgrade { id, params } = serde_json::from_slice(payload)?;
        Ok(Self {
            id,
            version: params.version,
            sign: params.sign,
            sign_method: params.sign_method,
            file_url: params.file_url,
            size: params.file_size,
        })
    }
}

#[derive(Deserialize)]
struct Upgrade {
    id: String,
    params: UpgradeParams,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeParams {
    version: String,
    sign: String,
    sign_method: Digester,
    file_url: String,
    file_size: u64,
}

/// The answer to a request of this device.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) code: i64,
}

/// The digest that a command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Digester {
    Md5,
    Sha256,
}

impl Digester {
    pub(crate) fn start(self) -> RunningDigest {
        match self {
            Self::Md5 => RunningDigest::Md5(Md5::new()),
            Self::Sha256 => RunningDigest::Sha256(Sha256::new()),
        }
    }
}

impl fmt::Display for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        })
    }
}

/// A digest of what has arrived so far.
#[derive(Debug, Clone)]
pub(crate) enum RunningDigest {
    Md5(Md5),
    Sha256(Sha256),
}

impl RunningDigest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    /// In lower-case hex.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Md5(digest) => hex::encode(digest.finalize()),
            Self::Sha256(digest) => hex::encode(digest.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> serde_json::Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn requests_are_those_of_the_java_sdk() {
        let inform = Message::inform("1", "initVersion");
        let wire =
            r#"{"method":"ota.device.inform","id":"1","params":{"version":"initVersion"},"version":"1.1"}"#;
        assert_eq!(read(&inform.payload), read(wire));
        let progress = Message::progress("3", 20, "20");
        let wire =
            r#"{"method":"ota.device.progress","id":"3","params":{"step":"20","desc":"20"},"version":"1.1"}"#;
        assert_eq!(read(&progress.payload), read(wire));
        let receipt = Message::upgrade_reply("77");
        assert_eq!(read(&receipt.payload), read(r#"{"code":200,"data":"","id":"77","message":""}"#));
    }

    #[test]
    fn a_command_needs_all_five_fields() {
        let wire = r#"{"id":"9007199254740993","version":"1.0","method":"ota.device.upgrade","params":
            {"version":"v1.0","sign":"ab","signMethod":"md5","fileUrl":"http://h/f","fileSize":1024,"more":[]}}"#;
        let command = Command::parse(wire.as_bytes()).unwrap();
        assert_eq!((command.id.as_str(), command.version.as_str()), ("9007199254740993", "v1.0"));
        assert_eq!((command.sign_method, command.size), (Digester::Md5, 1024));
        for field in ["version", "sign", "signMethod", "fileUrl", "fileSize"] {
            let mut broken = read(wire);
            broken["params"].as_object_mut().unwrap().remove(field);
            assert!(Command::parse(broken.to_string().as_bytes()).is_err(), "without {field}");
        }
    }

    #[test]
    fn digests_are_lower_case_hex() {
        let mut md5 = Digester::Md5.start();
        md5.update(b"abc");
        assert_eq!(md5.finish(), "900150983cd24fb0d6963f7d28e17f72");
    }
}
