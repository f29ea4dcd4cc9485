//! The theorem of DESIGN §1, proven over every reachable state of small fleets: at every commit that exposes one more
//! device or lets one begin, no more devices are at risk than the bound.
//!
//! The rules are not a copy: tasks, counters, budgets, retries and job states are `ota-rollout`'s, which the ledger runs.
//! What is modelled is around them: the ledger's transactions ([`ledger`]), gateways that hold a decision between read
//! and commit and may die with it, devices and a network from which anything may come at any time ([`fleet`]), a person
//! who stops and resumes. [`promise`] says what must hold; [`search`] what is searched, and which rules a ledger cannot
//! do without.
//!
//! Nothing bounds how often a device is tried, nor how late or how often a message comes. Bounded are devices (3), jobs
//! (2), gateways (2), and the budget (1). States are told apart by a 64-bit hash.

pub mod fleet;
pub mod ledger;
pub mod promise;
pub mod search;
pub mod state;
