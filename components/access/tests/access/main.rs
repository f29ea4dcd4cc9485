//! Who comes in: the logins of both kinds of devices, the rights of one, presence; each with every field that can be
//! wrong, and with stores that fail. Whatever goes wrong, nobody is let in.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod acl;
mod crowds;
mod faults;
mod http_login;
mod http_only;
mod mqtt_login;
mod presence;

const IMAGE: &[u8] = b"firmware";
