//! A device asks what it may take (getversion).

use ota_protocol::key::DeviceId;
use ota_rollout::{Happening, Mode, apply};

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
            if apply(&assignment.record.task, Happening::Offer, &assignment.job.terms.retry).is_ok() {
                self.mark_offered(id, &assignment.job.job)?;
            }
        }
        Ok(Offers::List(open.into_iter().map(|assignment| Command::offer(&view, assignment)).collect()))
    }

    fn mark_offered(&self, id: &DeviceId, job: &str) -> Result<(), SqlError> {
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view_with(id, job)? else { return Ok(End::Rollback(())) };
            let Some(assignment) = view.of(job) else { return Ok(End::Rollback(())) };
            let happening = Happening::Offer;
            let Ok(change) = apply(&assignment.record.task, happening, &assignment.job.terms.retry) else {
                return Ok(End::Rollback(()));
            };
            let decision = Decision::by("device", happening, change);
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(()),
                Landed::Raced | Landed::NoSlot => End::Rollback(()),
            })
        })
    }
}

/// One upgrade at a time: a device at work is offered only what it works on.
fn is_offered(view: &View, assignment: &Assignment) -> bool {
    if assignment.job.mode != Mode::Request {
        return false;
    }
    match view.live() {
        Some(live) => live.job.job == assignment.job.job && live.is_open(&view.device),
        None => view.is_free_but_for(assignment, |_| false),
    }
}
