//! The device protocol: topics, messages, codes, signatures, sealed tokens and brokers' envelopes.
//!
//! Nothing else in the workspace knows how a thing is spelled on the wire.
//! This crate knows nothing of clocks, stores, HTTP libraries or the host: bytes come in, values go
//! out, and the other way round.
//! "§" refers to the protocol's own description: §2 messages, §3 MQTT login, §4 the HTTP variant.

pub mod code;
pub mod envelope;
pub mod hook;
pub mod http_login;
pub mod key;
pub mod link;
pub mod login;
pub mod message;
pub mod offer;
pub mod query;
pub mod release;
pub mod reply;
pub mod seal;
pub mod secret;
pub mod session;
pub mod topic;
pub mod version;

mod json;
