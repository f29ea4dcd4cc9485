//! The ledger over a real database, decision by decision: what each message does, and what it costs.
//!
//! Whoever includes this module has a module `database` beside it, which says which database it is.

mod access;
mod budget;
mod clock;
mod constraints;
mod control;
mod cost;
mod crashes;
mod dry_run;
mod explain;
mod exposure;
mod gate;
mod generations;
mod ghosts;
mod hooks;
mod hops;
mod inform;
mod jobs;
mod late;
mod meanwhile;
mod migration;
mod once;
mod order;
mod outbox;
mod pace;
mod plans;
mod progress;
mod races;
mod recorded;
mod retries;
mod scopes;
mod sessions;
mod stages;
mod store;
mod sweep;
mod uploads;
