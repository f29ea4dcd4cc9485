//! The ledger over a real SQLite, decision by decision: what each message does, and what it costs.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod budget;
mod cost;
mod hooks;
mod inform;
mod jobs;
mod outbox;
mod plans;
mod progress;
mod sqlite;
mod store;
mod sweep;
