//! A real Postgres for tests: a private server in a temporary folder, and a fresh database for each test.
//!
//! It needs the programs of any Postgres from 13 on (Debian: `postgresql`) and no server that runs already.
//! It knows nothing of the gateway.

mod database;
mod folder;
mod owner;
mod programs;
mod server;
mod watcher;

pub use database::Database;
pub use server::{Identity, Server, Settings};
