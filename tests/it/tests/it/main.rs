//! The whole gateway, from outside: one module per thing that it must do, or must survive.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a step of a test that fails must fail the test where it stands"
)]

mod alone;
mod budget;
mod delivery;
mod doors;
mod download;
mod failure;
mod hooks;
mod hostile;
mod http_only;
mod manifest;
mod push;
mod request;
mod restart;
mod sdk;
mod upload;
mod with_spin;
