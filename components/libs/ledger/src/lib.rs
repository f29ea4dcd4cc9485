//! The SQL that decides: schema, migrations, and one transaction per decision.
//!
//! Every decision is one function named for it, conditional in its statements, so that any number of
//! components, sweeps and operators may race. What a task becomes is asked of `ota-rollout`;
//! what is said to devices, of `ota-protocol`. This crate knows no host, no HTTP and no clock but the database's.

mod bridge;
mod candidates;
pub mod catalogue;
pub mod command;
pub mod control;
mod counters;
mod decide;
pub mod deliver;
pub mod dialect;
pub mod download;
pub mod dry_run;
pub mod event;
pub mod explain;
mod fill;
pub mod firmware;
pub mod grant;
mod hardware;
pub mod hook;
pub mod inform;
pub mod job;
mod lock;
mod moment;
pub mod named;
pub mod offer;
pub mod once;
pub mod outbox;
pub mod presence;
pub mod progress;
mod purge;
pub mod record;
pub mod registry;
pub mod schema;
pub mod scope;
pub mod sql;
mod stages;
pub mod sweep;
mod tags;
mod transaction;
pub mod upload;
pub mod view;

pub use dialect::Dialect;
pub use sql::{Row, Sql, SqlError, Value};

/// The ledger over one open connection.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    sql: &'a dyn Sql,
    dialect: Dialect,
    random: &'a dyn Fn() -> u64,
}

impl<'a> Ledger<'a> {
    /// A ledger over `sql`; `random` gives 64 unpredictable bits, for ids.
    pub fn new(sql: &'a dyn Sql, dialect: Dialect, random: &'a dyn Fn() -> u64) -> Self {
        Self { sql, dialect, random }
    }

    /// The id of a new command: 19 decimal digits, far above the small request ids that device SDKs count up
    /// (PROTOCOL §2.7).
    fn new_push_id(&self) -> String {
        (1_000_000_000_000_000_000 + (self.random)() % 8_000_000_000_000_000_000).to_string()
    }

    /// The id of a new job: 12 hexadecimal digits.
    pub fn new_job_id(&self) -> String {
        format!("{:012x}", (self.random)() & 0xffff_ffff_ffff)
    }
}

impl std::fmt::Debug for Ledger<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}
