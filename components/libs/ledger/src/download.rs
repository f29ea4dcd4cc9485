//! A download: who is let in, and the transaction without which no byte of firmware leaves.

use ota_image::ObjectId;
use ota_protocol::key::{DeviceId, ProductKey};
use ota_protocol::link::Link;
use ota_protocol::version::Version;
use ota_rollout::{Happening, JobState, TaskState, apply};

use crate::decide::{Decision, Landed};
use crate::event::NewEvent;
use crate::grant::Barrier;
use crate::record::FirmwareRecord;
use crate::transaction::End;
use crate::view::{Assignment, View};
use crate::{Ledger, SqlError};

/// What a link opens at this moment.
#[derive(Debug)]
pub enum Access {
    /// The attempt has begun: its ranges are served until its verdict.
    Begun(Box<FirmwareRecord>),
    /// The same, and the device has informed the version that it left: a new request is [`Ledger::resume`]d.
    Returned(Box<FirmwareRecord>),
    /// The attempt may begin: verify the first block, then [`Ledger::begin`].
    MayBegin(Box<FirmwareRecord>),
    /// Nothing, and nothing ever again: 410.
    Gone(&'static str),
}

/// Whether a download begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It does; the slot is taken and the begin is written.
    Yes,
    /// Only the budget, or a place in flight, is missing: 503 + Retry-After.
    Later,
    /// It does not: 410.
    Gone(&'static str),
}

impl Ledger<'_> {
    /// What `link` opens. One read; also what a running body asks every 5 s.
    pub fn access(&self, link: &Link) -> Result<Access, SqlError> {
        let Some(view) = self.view_with(&link.device, &link.task)? else {
            return Ok(Access::Gone("unknown device"));
        };
        Ok(match admit(&view, link) {
            Err(why) => Access::Gone(why),
            Ok(assignment) => {
                let firmware = Box::new(assignment.firmware.clone());
                match assignment.record.task.state {
                    TaskState::Downloading | TaskState::Upgrading if assignment.record.task.admitted => {
                        let is_returned = assignment.record.task.returned;
                        if is_returned { Access::Returned(firmware) } else { Access::Begun(firmware) }
                    }
                    _ if assignment.job.state == JobState::Running => Access::MayBegin(firmware),
                    _ => {
                        // The device is not to blame for what it reports next.
                        if !assignment.record.task.refused {
                            self.change_linked(link, Happening::Refuse)?;
                        }
                        Access::Gone(DOES_NOT_RUN)
                    }
                }
            }
        })
    }

    /// Lets the download of `link` begin, once its first block is verified. Repeating it changes nothing.
    pub fn begin(&self, link: &Link) -> Result<Begun, SqlError> {
        let begun = self.transaction(|| {
            self.lock(&link.device)?;
            let Some(view) = self.view_with(&link.device, &link.task)? else {
                return Ok(End::Rollback(Begun::Gone("unknown device")));
            };
            let assignment = match admit(&view, link) {
                Ok(assignment) => assignment,
                Err(why) => return Ok(End::Rollback(Begun::Gone(why))),
            };
            let happening = Happening::Begin;
            let Ok(change) = apply(&assignment.record.task, happening, &assignment.job.terms.retry) else {
                return Ok(End::Rollback(Begun::Yes));
            };
            if assignment.record.task.state == TaskState::Waiting
                && let Some(answer) = kept_out(&view, assignment)
            {
                return Ok(End::Rollback(answer));
            }
            let decision = Decision::by("device", happening, change);
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(Begun::Yes),
                Landed::Raced => End::Rollback(Begun::Later),
                Landed::NoSlot => End::Rollback(turned_away(assignment)),
            })
        })?;
        if matches!(begun, Begun::Later | Begun::Gone(DOES_NOT_RUN)) {
            self.change_linked(link, Happening::Refuse)?;
        }
        Ok(begun)
    }

    /// The last byte was sent.
    pub fn complete(&self, link: &Link) -> Result<(), SqlError> {
        self.change_linked(link, Happening::Complete)
    }

    /// A device that seemed to have returned asks for bytes again: it had only lost its connection.
    pub fn resume(&self, link: &Link) -> Result<(), SqlError> {
        self.change_linked(link, Happening::Resume)
    }

    fn change_linked(&self, link: &Link, happening: Happening) -> Result<(), SqlError> {
        self.transaction(|| {
            self.lock(&link.device)?;
            let Some(view) = self.view_with(&link.device, &link.task)? else { return Ok(End::Rollback(())) };
            let Ok(assignment) = admit(&view, link) else { return Ok(End::Rollback(())) };
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

    /// A block of this firmware is damaged: nothing of it is granted or begins any more, and its jobs hold. `false` when
    /// another object has taken the place of the damaged one since.
    ///
    /// One transaction, although it touches many jobs: whoever sees the firmware quarantined will never find the
    /// damage again, so nobody would hold what a failure in between left running. Its order is product, firmware, jobs,
    /// and no other transaction waits for a firmware while it holds a job; no job of the product is created or resumed
    /// meanwhile.
    pub fn quarantine(
        &self,
        product: &ProductKey,
        version: &Version,
        object: &ObjectId,
        device: &DeviceId,
        detail: &str,
    ) -> Result<bool, SqlError> {
        let key = [product.as_str().into(), version.as_str().into()];
        self.transaction(|| {
            self.lock_product(product)?;
            let firmware = self.firmware(product, version)?;
            if firmware.is_none_or(|firmware| firmware.image.object != *object) {
                return Ok(End::Rollback(false));
            }
            if self.sql.execute(&self.dialect.text(QUARANTINE), &key)? == 1 {
                self.append(&NewEvent {
                    kind: "quarantined",
                    device: Some(device),
                    product: None,
                    job: None,
                    actor: "gateway",
                    detail: Some(&format!("{version}: {detail}")),
                    message: Some("quarantined"),
                })?;
            }
            self.sql.execute(&self.dialect.text(TELL_HELD).replace("{brings}", BRINGS), &key)?;
            self.sql.execute(&HOLD.replace("{brings}", BRINGS), &key)?;
            Ok(End::Commit(true))
        })
    }
}

/// The task that `link` speaks of, if the link is alive: right epoch and attempt, not expired,
/// same hardware, sound firmware, no verdict yet.
fn admit<'v>(view: &'v View, link: &Link) -> Result<&'v Assignment, &'static str> {
    if link.epoch != view.epoch {
        return Err("the ledger was restored since");
    }
    if view.now > link.expires_at {
        return Err("the link has expired");
    }
    let assignment = view.of(&link.task).ok_or("the task is over")?;
    let (record, task) = (&assignment.record, &assignment.record.task);
    if record.generation != view.device.generation {
        return Err("the device was replaced");
    }
    if assignment.firmware.quarantined_at.is_some() {
        return Err("the firmware is quarantined");
    }
    if assignment.job.is_hard {
        return Err("the job was stopped, and what was running with it");
    }
    let is_current = task.state.is_live() && task.attempt == link.attempt;
    let is_offer = task.state == TaskState::Waiting && task.offered && task.attempt + 1 == link.attempt;
    if !is_current && !is_offer {
        return Err("the attempt is over");
    }
    if is_offer && view.live().is_some() {
        return Err("the device is at work for another job");
    }
    Ok(assignment)
}

/// What keeps an offered task from taking its slot, besides the statement that takes it.
fn kept_out(view: &View, assignment: &Assignment) -> Option<Begun> {
    if view.is_free_but_for(assignment, |_| false) {
        return None;
    }
    if view.is_free_but_for(assignment, Barrier::is_passing) {
        return Some(Begun::Later);
    }
    Some(if assignment.job.state == JobState::Running {
        Begun::Gone("the offer no longer stands")
    } else {
        Begun::Gone(DOES_NOT_RUN)
    })
}

fn turned_away(assignment: &Assignment) -> Begun {
    if assignment.job.state == JobState::Running {
        return Begun::Later;
    }
    Begun::Gone(DOES_NOT_RUN)
}

/// Nothing is wrong with the device or its link: the job was paused, held or stopped.
const DOES_NOT_RUN: &str = "the job does not run";

const QUARANTINE: &str = "UPDATE firmware SET quarantined_at = {now}
    WHERE product = $1 AND version = $2 AND quarantined_at IS NULL";
/// Before [`HOLD`], which leaves nothing to tell.
const TELL_HELD: &str = "INSERT INTO event (at, kind, product, job, actor, detail, message)
    SELECT {now}, 'held', j.product, j.job, 'gateway', 'firmware quarantined', 'held' FROM job j
    WHERE {brings} ORDER BY j.created_at";
/// The state is asked of the row itself too: Postgres reads that again, and not the list, after it waited for a stop.
const HOLD: &str = "UPDATE job SET state = 'held', held_because = 'firmware quarantined'
    WHERE state IN ('preparing', 'running') AND job IN (SELECT j.job FROM job j WHERE {brings})";
/// The jobs that bring the firmware to devices, as their own or on the way.
const BRINGS: &str = "j.product = $1 AND j.state IN ('preparing', 'running') AND (j.version = $2
        OR EXISTS (SELECT 1 FROM firmware h, firmware g WHERE h.product = $1 AND h.version = $2
            AND h.must_pass = 1 AND g.product = $1 AND g.version = j.version AND g.sequence > h.sequence))";
