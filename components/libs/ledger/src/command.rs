//! A command that a device should get: an `upgrade` push, or a line of getversion's list.

use ota_protocol::link::Link;

use crate::record::FirmwareRecord;
use crate::view::{Assignment, View};

/// Which firmware a device is told of, and the link that lets it in.
#[derive(Debug, Clone)]
pub struct Command {
    /// The id of the push; `None` for an offer, which has none.
    pub push_id: Option<String>,
    /// The firmware.
    pub firmware: FirmwareRecord,
    /// Who may download it, in which attempt, until when.
    pub link: Link,
}

impl Command {
    /// The command of a granted task.
    pub(crate) fn of(view: &View, assignment: &Assignment) -> Self {
        let record = &assignment.record;
        Self {
            push_id: record.push_id.clone(),
            firmware: assignment.firmware.clone(),
            link: link(view, assignment, record.task.attempt, record.granted_at),
        }
    }

    /// The offer of a task: the link of its live attempt, or of the one that it would begin.
    pub(crate) fn offer(view: &View, assignment: &Assignment) -> Self {
        let record = &assignment.record;
        let (attempt, since) = if record.task.state.is_live() {
            (record.task.attempt, record.granted_at)
        } else {
            (record.task.attempt + 1, view.now)
        };
        Self {
            push_id: None,
            firmware: assignment.firmware.clone(),
            link: link(view, assignment, attempt, since),
        }
    }
}

/// A link outlives the attempt: its first sign may come late, and its time-out runs from there; from when that was heard,
/// if it was said long before.
fn link(view: &View, assignment: &Assignment, attempt: i64, since: i64) -> Link {
    let terms = &assignment.job.terms;
    let expires_at = since + terms.first_sign_within + 2 * terms.upgrade_timeout;
    Link {
        epoch: view.epoch,
        device: assignment.record.id.clone(),
        task: assignment.job.job.clone(),
        attempt,
        expires_at: expires_at.max(assignment.record.times_out_at.unwrap_or(0)),
    }
}

impl View {
    /// The command that the device was granted and has not yet shown a sign of.
    pub(crate) fn undelivered(&self) -> Option<Command> {
        let live = self.live()?;
        let record = &live.record;
        let is_due = record.task.state == ota_rollout::TaskState::Granted
            && !record.task.signed
            && record.push_id.is_some()
            && live.is_open(&self.device)
            // Nothing is pushed outside the windows.
            && live.job.schedule.opens_at(self.now).is_none();
        is_due.then(|| Command::of(self, live))
    }
}
