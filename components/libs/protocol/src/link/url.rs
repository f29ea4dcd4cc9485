//! The two forms of a download URL: `/{org}/ota/{file}`, and the HTTP variant's (§4.4).

use std::fmt;

use thiserror::Error;

use crate::key::{DeviceId, is_key_character};
use crate::query::{self, percent_decode, percent_encode};

/// `{public_url}/{org}/ota/{file}?t={token}`; a slash at the end of `public_url` does not matter.
///
/// ```
/// use ota_protocol::link::{file_url, FileRequest, Org};
/// let url = file_url("https://ota.example/", &Org::default(), "v1 β.bin", "abc.def");
/// assert_eq!(url, "https://ota.example/fleet/ota/v1%20%CE%B2.bin?t=abc.def");
/// let request = FileRequest::parse("/fleet/ota/v1%20%CE%B2.bin", "t=abc.def").unwrap();
/// assert_eq!((request.file.as_str(), request.token.as_str()), ("v1 β.bin", "abc.def"));
/// ```
pub fn file_url(public_url: &str, org: &Org, file_name: &str, token: &str) -> String {
    let public_url = public_url.trim_end_matches('/');
    let (file_name, token) = (percent_encode(file_name), percent_encode(token));
    format!("{public_url}/{org}/ota/{file_name}?t={token}")
}

/// What a device asks of `/{org}/ota/{file}?t={token}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    /// The organisation in the path; it decides nothing.
    pub org: Org,
    /// The file name in the path; it decides nothing, the token does.
    pub file: String,
    /// The sealed [`super::Link`]; empty when the query has none.
    pub token: String,
}

impl FileRequest {
    /// Takes path and query apart; `None` when the path is not of this form.
    pub fn parse(path: &str, query: &str) -> Option<Self> {
        let (org, file) = path.strip_prefix('/')?.split_once("/ota/")?;
        let file = percent_decode(file)?;
        if file.is_empty() || file.contains(|c: char| c == '/' || c.is_control()) {
            return None;
        }
        Some(Self {
            org: Org::parse(&percent_decode(org)?).ok()?,
            file,
            token: query::value(query, "t").unwrap_or_default(),
        })
    }
}

/// What an HTTP-only device asks of `/multipart/sys/{pk}/{dk}/file/download` (§4.4).
///
/// ```
/// use ota_protocol::link::DownloadRequest;
/// let query = "sessionId=S&fileUri=https%3A%2F%2Fota.example%2Ff&category=ota";
/// let request = DownloadRequest::parse("/multipart/sys/pk/dk/file/download", query).unwrap();
/// assert_eq!(request.device.to_string(), "pk/dk");
/// assert_eq!(request.file_uri, "https://ota.example/f");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadRequest {
    /// The device in the path; the session must be its own.
    pub device: DeviceId,
    /// The sealed [`crate::session::Session`]; empty when the query has none.
    pub session_id: String,
    /// The `fileUrl` of the offer, as the device got it; empty when the query has none.
    pub file_uri: String,
}

impl DownloadRequest {
    /// Takes path and query apart; `None` when the path is not of this form.
    pub fn parse(path: &str, query: &str) -> Option<Self> {
        let path = percent_decode(path)?;
        let keys = path.strip_prefix("/multipart/sys/")?.strip_suffix("/file/download")?;
        let (product, device) = keys.split_once('/')?;
        Some(Self {
            device: DeviceId::parse(product, device).ok()?,
            session_id: query::value(query, "sessionId").unwrap_or_default(),
            file_uri: query::value(query, "fileUri").unwrap_or_default(),
        })
    }

    /// The token in the `fileUri`, whichever public URL it begins with.
    pub fn token(&self) -> Option<String> {
        let (_, query) = self.file_uri.split_once('?')?;
        query::value(query, "t")
    }
}

/// The organisation in a download path; `fleet` unless the gateway is told otherwise.
///
/// ```
/// use ota_protocol::link::Org;
/// assert_eq!(Org::parse("o15540").map(|org| org.to_string()).as_deref(), Ok("o15540"));
/// assert!(Org::parse("api").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org(String);

impl Org {
    /// 1–64 of the alphabet of keys, and none of the gateway's own first path segments.
    pub fn parse(text: &str) -> Result<Self, OrgError> {
        if text.is_empty() || text.len() > crate::key::MAX_KEY || !text.chars().all(is_key_character) {
            return Err(OrgError::Spelling);
        }
        if RESERVED.contains(&text) {
            return Err(OrgError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The organisation as it stands in the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Org {
    fn default() -> Self {
        Self("fleet".to_owned())
    }
}

impl fmt::Display for Org {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrgError {
    /// Not 1–64 of the alphabet.
    #[error("organisation is not 1 to 64 letters, digits and . _ : @ -")]
    Spelling,
    /// A path of the gateway itself begins so.
    #[error("organisation {0:?} is a path of the gateway itself")]
    Reserved(String),
}

/// First segments of the gateway's other routes, and what a path resolves away.
const RESERVED: [&str; 13] = [
    ".",
    "..",
    "topic",
    "webhook",
    "mqtt",
    "auth",
    "multipart",
    "internal",
    "api",
    "openapi.json",
    "metrics",
    "console",
    "sys",
];

#[cfg(test)]
mod tests;
