//! The system tier: the real host with the real `.wasm`, the real bridge, real devices.
//!
//! [`TestApp`] starts it all on free ports and stops it when dropped; everything else here is what acts upon it
//! from outside: an operator, devices over MQTT and HTTP, the vendor's own SDK, a network that breaks.
//! Nothing here uses the gateway's own encoders: a slip there must not be mirrored by what checks it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a step of a test that fails must fail the test where it stands"
)]

mod address;
mod app;
mod artifact;
mod damage;
mod device;
mod download;
mod firmware;
mod http_client;
mod http_device;
mod identity;
mod ledger;
mod link;
mod log;
mod operator;
mod place;
mod program;
mod proxy;
mod python;
mod receiver;
mod up;
pub mod venv;
mod wait;

pub use app::{Secrets, TestApp};
pub use damage::flip;
pub use device::{Command, Device, Message};
pub use download::{Ending, Received, ask, fetch, fetch_from, fetch_resuming, fetch_some, stall};
pub use firmware::{Firmware, SignMethod};
pub use http_client::{Answer, HttpClient, percent_encoded};
pub use http_device::{Heard, HttpDevice};
pub use identity::Identity;
pub use link::Link;
pub use log::traps;
pub use operator::Operator;
pub use place::{Depot, Place};
pub use program::Program;
pub use proxy::Proxy;
pub use python::sdk;
pub use receiver::{Receiver, Taken};
pub use up::{RunningUp, Up};
pub use wait::{PATIENCE, eventually, in_the_end, within};

use std::path::Path;

/// The repository.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
