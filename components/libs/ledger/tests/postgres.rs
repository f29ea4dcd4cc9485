//! The contract suite on a real Postgres.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "database/postgres.rs"]
mod database;
mod ledger;
