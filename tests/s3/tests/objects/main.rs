//! What is promised of a store of objects, for both of them and for each way of reaching a bucket, and what goes wrong
//! with a bucket alone.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod handed_over;
mod place;
mod troubles;
mod trust;
