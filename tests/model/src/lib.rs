//! The theorem of DESIGN §1, proven over every reachable state of a small fleet by the very rules that the ledger runs.

pub mod fleet;
pub mod ledger;
pub mod promise;
pub mod search;
pub mod state;
