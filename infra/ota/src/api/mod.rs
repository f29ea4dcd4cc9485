//! The gateway's REST as this program uses it: one file per resource, records as the wire has them.
//! Nothing else in this program knows a path or a field name of it.

mod client;
mod device;
mod firmware;
mod hook;
mod job;
mod product;
mod task;

pub(crate) use client::{Answer, Client};
pub(crate) use device::Device;
pub(crate) use firmware::{SignMethod, Upload};
pub(crate) use hook::{Hook, HookToAdd};
pub(crate) use job::{Job, Mode, NewJob};
pub(crate) use task::Task;
