//! The `ota` program as its users see it: what it sends, what it prints where, and how it exits.
//! The gateway it talks to is a script, but for `ota fleet`, pushes and signatures; more of the real one is in the
//! system tests.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on must panic")]

mod control;
mod device;
mod explain;
mod failure;
mod firmware;
mod fleet;
mod gateway;
mod hook;
mod job;
mod product;
mod program;
mod push;
mod push_course;
mod record;
mod script;
mod sign;
mod strait;
mod up;
mod watch;
