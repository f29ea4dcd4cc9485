//! The same tests again, with every gateway over a real Postgres: what the ledger promises must not depend on where
//! it is kept. That it does so follows from the name of this binary.

#[path = "../it/main.rs"]
mod it;
