//! The domain of an update, pure: what a task may become, what a job may spend, when a job ends or holds.
//!
//! This crate does no I/O, has no clock, and knows nothing of SQL, HTTP or MQTT.
//! The ledger runs these rules inside its transactions; the model checker runs the very same functions.

pub mod budget;
pub mod forecast;
pub mod gate;
pub mod job;
pub mod reason;
pub mod retry;
pub mod rules;
pub mod stage;
pub mod task;
pub mod terms;
pub mod window;

pub use budget::Budget;
pub use gate::GATE_SAMPLE;
pub use job::{Forgiven, Job, JobState, Kind, Mode, StageStand};
pub use reason::Reason;
pub use retry::{Reasons, Retry};
pub use rules::{Happening, Informed, Refused, apply};
pub use stage::{Stage, Stages};
pub use task::{Counters, Deadline, Task, TaskState};
pub use terms::Terms;
pub use window::Schedule;
