//! The real host with a real guest: one module per thing that a host must do.

mod app;
mod bodies;
mod faults;
mod key_value;
mod life;
mod outbound;
mod own_manifest;
mod requests;
mod sql;
