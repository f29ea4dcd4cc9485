//! §2, rule by rule.

mod id;
mod properties;
mod refusals;
mod step;
mod wire;
