//! The ledger over a real SQLite, decision by decision: what each message does, and what it costs.

mod access;
mod budget;
mod cost;
mod inform;
mod jobs;
mod plans;
mod progress;
mod sqlite;
mod store;
mod sweep;
