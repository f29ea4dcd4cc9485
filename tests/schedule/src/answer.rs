//! What a call was answered with, as far as anybody acts on it.

use ota_ledger::command::Command;
use ota_protocol::link::Link;
use ota_protocol::version::Version;

/// An answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Commands and offers, each for the device that its link names.
    Commands(Vec<Command>),
    /// A download gets bytes, of this firmware.
    Served(Link, Version),
    /// A person is told that the job does not run.
    Stopped(String),
    /// Nothing that anybody acts on.
    Nothing,
    /// The ledger failed, or was busy: 503, whoever asked asks again.
    Failed,
    /// There is none: the handler was killed.
    Killed,
}
