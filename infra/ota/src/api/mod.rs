//! The gateway's REST as this program uses it: one file per resource, records as the wire has them.
//! Nothing else in this program knows a path or a field name of it.

mod bytes;
mod client;
mod device;
mod event;
mod explanation;
mod firmware;
mod hint;
mod hook;
mod job;
mod new_job;
mod percent;
mod product;
mod stage;
mod task;
mod terms;
mod upload;

pub(crate) use client::{Answer, Client};
pub(crate) use device::Device;
pub(crate) use explanation::{ExplainedJob, Explanation};
pub(crate) use firmware::{Duties, Firmware, Release, SignMethod};
pub(crate) use hook::{Hook, HookToAdd};
pub(crate) use job::{Forgiven, Job, Named, OpenStage};
pub(crate) use new_job::{DryRun, Kind, Mode, NewJob, Policy};
pub(crate) use percent::Percent;
pub(crate) use product::{Product, ProductSettings, UnknownVersions};
pub(crate) use stage::Stage;
pub(crate) use task::{Deed, Task, TaskState};
pub(crate) use terms::{NewRetry, Terms};
pub(crate) use upload::{Intake, Upload, Via};
