//! A firmware as a device is told of it: in a getversion reply, or pushed as a command.
//!
//! The five fields are always there, the size fits a Java `int`, the digest is lower-case hex:
//! each of these once broke an SDK (§2 rules 5 and 6), so an [`Offer`] cannot be otherwise.

mod header;

pub use header::{COMMAND_PAYLOAD, MAX_HEADER, TOPIC, TooLong, header_value};

use serde::Serialize;
use thiserror::Error;

use crate::json;
use crate::message::SignMethod;
use crate::version::Version;

/// The largest firmware that a device with the vendor's Java SDK can be told of, in bytes: it reads an `int`.
pub const MAX_JAVA_FILE_SIZE: u64 = 2_147_483_647;
/// The largest firmware that any device can be told of, in bytes: beyond it JSON readers round.
pub const MAX_FILE_SIZE: u64 = 9_007_199_254_740_991;

/// The longest link, in bytes. With it a command always fits [`MAX_HEADER`].
pub const MAX_FILE_URL: usize = 2048;

/// What a device needs to fetch and check one firmware.
///
/// ```
/// use ota_protocol::{message::SignMethod, offer::Offer, version::Version};
/// let version = Version::parse("v1.0")?;
/// let sign = "D41D8CD98F00B204E9800998ECF8427E";
/// let offer = Offer::new(version, SignMethod::Md5, sign, "https://ota.example/f.bin", 1024)?;
/// assert_eq!(offer.sign(), "d41d8cd98f00b204e9800998ecf8427e");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    version: Version,
    sign: String,
    sign_method: SignMethod,
    file_url: String,
    file_size: u64,
}

impl Offer {
    /// Checks all that a device would stumble over; the digest may come in either case.
    pub fn new(
        version: Version,
        sign_method: SignMethod,
        sign: &str,
        file_url: &str,
        file_size: u64,
    ) -> Result<Self, OfferError> {
        if sign.len() != sign_method.hex_length() || !sign.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(OfferError::Sign { method: sign_method });
        }
        if file_url.is_empty() || file_url.len() > MAX_FILE_URL {
            return Err(OfferError::UrlLength(file_url.len()));
        }
        if let Some(character) = file_url.chars().find(|&c| !is_url_character(c)) {
            return Err(OfferError::UrlCharacter(character));
        }
        if file_size > MAX_FILE_SIZE {
            return Err(OfferError::Size(file_size));
        }
        Ok(Self {
            version,
            sign: sign.to_ascii_lowercase(),
            sign_method,
            file_url: file_url.to_owned(),
            file_size,
        })
    }

    /// The version that the device will inform when it took the offer.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The digest of the file, lower-case hex.
    pub fn sign(&self) -> &str {
        &self.sign
    }

    /// Which digest it is.
    pub fn sign_method(&self) -> SignMethod {
        self.sign_method
    }

    /// Where the file is.
    pub fn file_url(&self) -> &str {
        &self.file_url
    }

    /// The size of the file in bytes, at most [`MAX_FILE_SIZE`].
    pub fn file_size(&self) -> u64 {
        self.file_size
    }
}

/// A push (§2): the payload to publish on [`crate::topic::upgrade_topic`].
///
/// `push_id` must be large and unique, such as a decimal string of fifteen digits or more: the Node
/// SDK swallows a command whose id is that of one of its own small request ids (§2 rule 7).
///
/// ```
/// use ota_protocol::{message::SignMethod, offer::{upgrade_command, Offer}, version::Version};
/// let version = Version::parse("v1.0")?;
/// let sign = "d41d8cd98f00b204e9800998ecf8427e";
/// let offer = Offer::new(version, SignMethod::Md5, sign, "https://ota.example/f.bin", 1024)?;
/// let json = upgrade_command("700000000000000001", &offer);
/// assert!(json.starts_with(r#"{"id":"700000000000000001","version":"1.0","method":"ota.device.upgrade","params":{"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn upgrade_command(push_id: &str, offer: &Offer) -> String {
    let command =
        Command { id: push_id, version: "1.0", method: "ota.device.upgrade", params: WireOffer::from(offer) };
    json::write(&command)
}

/// Why a firmware cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferError {
    /// The digest is not hex of the right length.
    #[error("sign is not the {} hex digits of {method}", method.hex_length())]
    Sign {
        /// The digest that it should be.
        method: SignMethod,
    },
    /// Empty, or more than [`MAX_FILE_URL`] bytes.
    #[error("file url has {0} bytes, 1 to {MAX_FILE_URL} are allowed")]
    UrlLength(usize),
    /// A character that a URL does not have (RFC 3986 §2).
    #[error("file url contains {0:?}")]
    UrlCharacter(char),
    /// Above [`MAX_FILE_SIZE`].
    #[error("firmware has {0} bytes, {MAX_FILE_SIZE} are allowed by the devices' protocol")]
    Size(u64),
}

/// The five fields as they stand on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireOffer<'a> {
    version: &'a str,
    sign: &'a str,
    sign_method: &'static str,
    file_url: &'a str,
    file_size: u64,
}

impl<'a> From<&'a Offer> for WireOffer<'a> {
    fn from(offer: &'a Offer) -> Self {
        Self {
            version: offer.version.as_str(),
            sign: &offer.sign,
            sign_method: offer.sign_method.as_str(),
            file_url: &offer.file_url,
            file_size: offer.file_size,
        }
    }
}

#[derive(Serialize)]
struct Command<'a> {
    id: &'a str,
    version: &'static str,
    method: &'static str,
    params: WireOffer<'a>,
}

fn is_url_character(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
}

#[cfg(test)]
mod tests;
