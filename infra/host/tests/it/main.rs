//! The real host with a real guest: one module per thing that a host must do.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test fails the test")]

mod app;
mod bodies;
mod faults;
mod key_value;
mod life;
mod outbound;
mod own_manifest;
mod part;
mod postgres;
mod requests;
mod sql;
