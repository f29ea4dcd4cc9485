//! The contract suite on SQLite.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "database/sqlite.rs"]
mod database;
mod ledger;
