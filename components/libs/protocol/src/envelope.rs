//! What brokers post: a device's message in their own JSON, logins, permissions, presence.
//!
//! Whatever a broker sends that is not a device's message is [`Envelope::Ignored`], never an error,
//! since most brokers post the same thing again after an error.

mod access;
mod presence;
mod publish;

pub use access::{AclRequest, AuthRequest, acl_request, auth_request};
pub use presence::{MAX_PRESENCES, Presence, PresenceEvent, presence};
pub use publish::{Dialect, Envelope, Ignored, Incoming, decode};

use thiserror::Error;

/// Why a broker's request cannot be read: its configuration is wrong, not the device.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not JSON of the expected shape.
    #[error("body is not the expected JSON (line {line}, column {column})")]
    Json {
        /// From 1; 0 when unknown.
        line: usize,
        /// From 1; 0 when unknown.
        column: usize,
    },
    /// A form that is not UTF-8.
    #[error("body is not UTF-8")]
    Text,
    /// A field that must be there is not, or is the literal `undefined` of an unset template.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field with a value that means nothing.
    #[error("{0} has a value that is not known")]
    Unknown(&'static str),
    /// More presence events than [`MAX_PRESENCES`].
    #[error("{0} events in one body, {MAX_PRESENCES} are allowed")]
    TooMany(usize),
}

impl From<serde_json::Error> for EnvelopeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}

/// An absent value: missing, `null`, empty, or what EMQX and RMQTT render for an unset variable.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty() && text != "undefined")
}

#[cfg(test)]
mod tests;
