//! inform, from the request to the answer: every field that can be wrong, what a device is told and when, what it
//! costs, and what becomes of it when a store fails.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod commands;
mod cost;
mod faults;
mod fields;
mod verdicts;
