//! What devices send (§2): four requests, decoded leniently where the SDKs of the field differ.
//!
//! Dispatch is by topic alone: `method` and `version` of a message are never looked at, since the
//! vendor's own SDKs send wrong ones. Whatever cannot be read becomes a [`Malformed`], which holds
//! all that the error reply needs.

mod decode;
mod id;
mod step;

pub use decode::{decode_getversion, decode_inform, decode_progress, decode_upgrade_reply};
pub use id::{MAX_ID, RequestId};
pub use step::{Step, StepError};

use std::fmt;

use thiserror::Error;

use crate::code::Code;
use crate::version::Version;

/// The largest payload, in bytes (§2 rule 13).
pub const MAX_PAYLOAD: usize = 512 * 1024;

/// The longest `desc` and `message` that is kept, in bytes; longer ones are cut.
pub const MAX_TEXT: usize = 4096;

/// A device's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<T> {
    /// What the reply must echo, if the device sent one.
    pub id: Option<RequestId>,
    /// What it says.
    pub params: T,
}

/// The device runs this version. Sent after every start and after every upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inform {
    /// As the device spells it: a JSON number `1.0` is the version `1.0`.
    pub version: Version,
}

/// How far an upgrade is, or how it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// 0–100, or negative for a failure.
    pub step: Step,
    /// The device's own words, at most [`MAX_TEXT`] bytes, without U+0000.
    /// A value that is not a string is kept as it was spelled.
    pub desc: Option<String>,
}

/// The device asks what it may upgrade to. It has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Getversion;

/// The device received a push; never proof of more (§2 rule 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeReply {
    /// The `id` of the push, which is a string on our side, whatever type comes back.
    pub push_id: Option<String>,
    /// 200 or 0 as a rule; the SDKs' and the device's own refusals otherwise.
    pub code: i64,
    /// The device's own words, at most [`MAX_TEXT`] bytes, without U+0000; empty when absent.
    pub message: String,
}

/// A message that cannot be processed, with all that its error reply says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (code {})", code.as_i64())]
pub struct Malformed {
    /// The request's id, as far as it could be read.
    pub id: Option<RequestId>,
    /// Why, for the device.
    pub code: Code,
    /// Why, for people. Bounded, and without the device's own text beyond a few characters.
    pub message: String,
}

/// How a signature over a file is made.
///
/// ```
/// use ota_protocol::message::SignMethod;
/// assert_eq!(SignMethod::parse("sha256"), Some(SignMethod::Sha256));
/// assert_eq!(SignMethod::parse("SHA256"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignMethod {
    /// 32 hex digits.
    Md5,
    /// 64 hex digits.
    Sha256,
}

impl SignMethod {
    /// `md5` or `sha256`, in lower case as the SDKs compare it (§2 rule 6).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "md5" => Some(Self::Md5),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        }
    }

    /// How many hex digits a digest has.
    pub fn hex_length(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
        }
    }
}

impl fmt::Display for SignMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
