//! The contract suite on a real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "database/postgres.rs"]
mod database;
mod ledger;
