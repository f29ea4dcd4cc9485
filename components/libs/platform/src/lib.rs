//! The ports over spin-sdk, and what the HTTP face of every component shares.
//!
//! The only crate that sees the host, and it does so in `spin` alone, which exists in WASM only;
//! everything else is plain values over the ports in [`ports`], so components are tested natively.
//! It decides nothing about devices, jobs or firmware: that is the ledger's.

mod closed;
pub mod commands;
pub mod crypt;
pub mod door;
mod entry;
pub mod failure;
pub mod gateway;
pub mod hook;
pub mod ids;
pub mod objects;
pub mod offer;
pub mod ports;
pub mod publish;
pub mod request;
pub mod response;
mod store;
pub mod topic;
pub mod watch;

#[cfg(feature = "native")]
pub mod native;
#[cfg(any(test, feature = "native", target_family = "wasm"))]
mod placeholders;
mod postgres;
#[cfg(target_family = "wasm")]
pub mod spin;

pub use closed::Closed;
pub use failure::{Failure, Refusal};
pub use gateway::Gateway;
pub use request::Request;
pub use response::Response;
pub use store::Store;
