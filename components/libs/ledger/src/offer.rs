//! A device asks what it may take (getversion).

use ota_protocol::key::DeviceId;
use ota_rollout::{Happening, Mode, TaskState, apply};

use crate::command::Command;
use crate::decide::{Decision, Landed};
use crate::transaction::End;
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError};

/// What a device may take.
#[derive(Debug)]
pub enum Offers {
    /// The device is not registered: 402.
    Unknown,
    /// The list, preferred last: the newest firmware. May be empty.
    List(Vec<Command>),
}

impl Ledger<'_> {
    /// Lists what the device may take of open request jobs, and remembers that it was told.
    pub fn offers(&self, id: &DeviceId) -> Result<Offers, SqlError> {
        let Some(view) = self.view(id)? else { return Ok(Offers::Unknown) };
        let open: Vec<&Assignment> = view.tasks.iter().filter(|a| is_offered(&view, a)).collect();
        for assignment in &open {
            if apply(&assignment.record.task, Happening::Offer).is_ok() {
                self.mark_offered(id, &assignment.job.job)?;
            }
        }
        Ok(Offers::List(open.into_iter().map(|assignment| Command::offer(&view, assignment)).collect()))
    }

    fn mark_offered(&self, id: &DeviceId, job: &str) -> Result<(), SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view(id)? else { return Ok(End::Rollback(())) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(())) };
            let happening = Happening::Offer;
            let Ok(change) = apply(&assignment.record.task, happening) else {
                return Ok(End::Rollback(()));
            };
            let decision = Decision { happening, change, detail: None, actor: "device", is_carried: false };
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(()),
                Landed::Raced | Landed::NoSlot => End::Rollback(()),
            })
        })
    }
}

/// One upgrade at a time: a device at work is offered only what it works on.
fn is_offered(view: &View, assignment: &Assignment) -> bool {
    let (task, job) = (&assignment.record.task, &assignment.job);
    let is_candidate = job.mode == Mode::Request
        && assignment.is_open(&view.device)
        && view.device.version.as_ref().is_some_and(|version| *version != job.to);
    match view.live() {
        Some(live) => is_candidate && live.job.job == job.job,
        None => is_candidate && task.state == TaskState::Waiting && (job.has_slot() || task.exposed),
    }
}
