//! The bytes of a firmware: blocks and their digests, byte ranges, and the stores that keep them.

pub mod kv;
