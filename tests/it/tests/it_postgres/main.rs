//! The same tests again, with every gateway over a real Postgres: what the ledger promises must not depend on where
//! it is kept. That it does so follows from the name of this binary.
//!
//! Beside them what only a Postgres can do: serve several gateways, be away, be full.

#![expect(clippy::unwrap_used, reason = "a step of a test that fails must fail the test where it stands")]

#[path = "../it/main.rs"]
mod it;

mod choice;
mod gateways;
mod outage;
