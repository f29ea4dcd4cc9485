//! The bridge over real sockets: devices on one side, a scripted gateway on the other.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands"
)]

mod acknowledgement;
mod admission;
mod client;
mod commands;
mod device;
mod gateway;
mod keep_alive;
mod presence;
mod retry;
mod robustness;
mod setup;
mod stop;
mod subscription;
mod takeover;
mod topics;
mod will;
