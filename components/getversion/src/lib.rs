//! Placeholder until this crate's owner writes it.
