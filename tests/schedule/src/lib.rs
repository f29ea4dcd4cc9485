//! The second proof of DESIGN §1: the real ledger on a real database, under schedules that are chosen statement by
//! statement.
//!
//! Handlers, sweeps and operators run as they do in the gateway, each on a connection of its own; before every
//! statement they wait until the schedule lets them go on. A schedule is a list of choices, drawn from a seed: who
//! goes next, what is asked next, when the clock turns, who is killed between two statements, which message comes
//! late, twice or never. After each statement that may have committed, everything that was committed is read by
//! somebody else and held against what is promised ([`promise`]). The same choices make the same schedule, on both
//! databases: waits and deadlocks are decided by the schedule, never by time.
//!
//! It knows the ledger's functions and tables, and nothing of HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong here fails the test that runs it"
)]

mod answer;
mod arena;
mod asking;
mod call;
mod cause;
mod changed;
mod choices;
mod device;
mod ground;
mod hand;
mod play;
pub mod promise;
mod quiet;
mod run;
mod said;
mod settle;
mod shrink;
mod snapshot;
mod store;
mod tally;

pub use run::{Limit, run, steps};
pub use store::Store;
pub use tally::Tally;
