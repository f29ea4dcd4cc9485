//! A device informs its version: the only proof of success, and the moment to tell it something.

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;
use ota_rollout::rules::Change;
use ota_rollout::{Happening, Informed, Mode, TaskState, apply};

use crate::command::Command;
use crate::decide::{Decision, Landed};
use crate::transaction::End;
use crate::view::{Assignment, REVERT_WITHIN, View};
use crate::{Ledger, SqlError};

/// Who sent a message, and when it was taken from the device.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The device.
    pub id: DeviceId,
    /// How long ago a listening bridge took the message from it (ms); `None` when nobody knows.
    /// A message from before the attempt's grant speaks of the attempt before.
    pub age: Option<i64>,
}

/// What a message of a device led to.
#[derive(Debug)]
pub enum Told {
    /// The device is not registered.
    Unknown,
    /// It is; here is the command that it should get, if any.
    Known(Option<Box<Command>>),
}

/// *Last heard* is written at most this often (ms).
pub const HEARD_EVERY: i64 = 300_000;

/// More steps than one inform can lead to.
const MOST_STEPS: usize = 16;

impl Ledger<'_> {
    /// Takes in the version that a device informs. Repeating it changes nothing.
    ///
    /// An unchanged version costs one read. Otherwise each step is a transaction of its own, one job each:
    /// the jobs that it joins, the version and the verdict of the live task, then verdicts of other tasks, then a grant.
    pub fn inform(&self, heard: &Heard, version: &Version) -> Result<Told, SqlError> {
        let mut may_grant = true;
        let mut may_join = true;
        for _ in 0..MOST_STEPS {
            let Some(view) = self.view(&heard.id)? else { return Ok(Told::Unknown) };
            // Before the version is written: a message that comes again finds what it did not do.
            let is_new = view.device.version.as_ref() != Some(version);
            if std::mem::take(&mut may_join) && is_new && self.join(&heard.id, version)? {
                continue;
            }
            let Some(step) = next_step(&view, heard, version, may_grant) else {
                self.touch(&view)?;
                return Ok(Told::Known(view.undelivered().map(Box::new)));
            };
            let landed = self.take_step(heard, version, may_grant)?;
            if matches!(step, Step::Grant(..)) && landed == Landed::NoSlot {
                may_grant = false;
            }
        }
        Ok(Told::Known(None))
    }

    /// One transaction: locks the device, reads again, decides, writes.
    fn take_step(&self, heard: &Heard, version: &Version, may_grant: bool) -> Result<Landed, SqlError> {
        self.transaction(|| {
            self.sql.execute(
                &self.dialect.text(SET_VERSION),
                &[heard.id.product.as_str().into(), heard.id.device.as_str().into(), version.as_str().into()],
            )?;
            let Some(view) = self.view(&heard.id)? else { return Ok(End::Rollback(Landed::Raced)) };
            let (assignment, change, happening) = match next_step(&view, heard, version, may_grant) {
                None | Some(Step::Version) => return Ok(End::Commit(Landed::Yes)),
                Some(Step::Verdict(assignment, change, happening)) => (assignment, change, happening),
                Some(Step::Grant(assignment, change)) => (assignment, change, Happening::Grant),
            };
            let decision = Decision {
                happening,
                change,
                detail: (happening != Happening::Grant).then(|| version.as_str()),
                actor: "device",
                is_carried: true,
            };
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(Landed::Yes),
                other => End::Rollback(other),
            })
        })
    }

    /// Grants a device that has just connected what it may have: one read, and a transaction if there is something.
    pub fn grant_connected(&self, id: &DeviceId) -> Result<(), SqlError> {
        let Some(view) = self.view(id)? else { return Ok(()) };
        if view.next_grant().is_none() {
            return Ok(());
        }
        self.transaction(|| {
            self.lock(id)?;
            let Some(view) = self.view(id)? else { return Ok(End::Rollback(())) };
            let Some(assignment) = view.next_grant() else { return Ok(End::Rollback(())) };
            let retry = &assignment.job.terms.retry;
            let Ok(change) = apply(&assignment.record.task, Happening::Grant, retry) else {
                return Ok(End::Rollback(()));
            };
            let decision = Decision {
                happening: Happening::Grant,
                change,
                detail: None,
                actor: "device",
                is_carried: false,
            };
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(()),
                Landed::Raced | Landed::NoSlot => End::Rollback(()),
            })
        })
    }

    /// Writes *last heard* when it is older than [`HEARD_EVERY`], and keeps waiting tasks ready for a grant.
    fn touch(&self, view: &View) -> Result<(), SqlError> {
        let (product, device) = (view.device.id.product.as_str(), view.device.id.device.as_str());
        if view.now - view.device.heard_at >= HEARD_EVERY {
            self.sql.execute(&self.dialect.text(SET_HEARD), &[product.into(), device.into()])?;
        }
        let is_stale = |assignment: &Assignment| {
            assignment.record.task.state == TaskState::Waiting
                && assignment.job.mode == Mode::Push
                && assignment.record.ready_until < view.now + assignment.job.terms.reachable_within / 2
        };
        if view.tasks.iter().any(is_stale) {
            self.make_ready(&view.device.id)?;
        }
        Ok(())
    }

    /// The device's waiting tasks may be granted by the sweep for as long as it counts as reachable.
    pub(crate) fn make_ready(&self, id: &DeviceId) -> Result<(), SqlError> {
        self.sql.execute(
            &self.dialect.text(SET_READY),
            &[id.product.as_str().into(), id.device.as_str().into()],
        )?;
        Ok(())
    }
}

/// The next thing to write for a device that informs `version`.
enum Step<'v> {
    /// The version itself, and nothing else.
    Version,
    /// A task changes by what was informed.
    Verdict(&'v Assignment, Change, Happening),
    /// A task is granted.
    Grant(&'v Assignment, Change),
}

fn next_step<'v>(view: &'v View, heard: &Heard, version: &Version, may_grant: bool) -> Option<Step<'v>> {
    if let Some(step) = verdict(view, heard, version) {
        return Some(step);
    }
    if view.device.version.as_ref() != Some(version) {
        return Some(Step::Version);
    }
    if !may_grant {
        return None;
    }
    let assignment = view.next_grant()?;
    let change = apply(&assignment.record.task, Happening::Grant, &assignment.job.terms.retry).ok()?;
    Some(Step::Grant(assignment, change))
}

/// The first task that the informed version says something new about, the live one before others.
fn verdict<'v>(view: &'v View, heard: &Heard, version: &Version) -> Option<Step<'v>> {
    let live_first = view.live().into_iter().chain(&view.tasks);
    for assignment in live_first {
        if assignment.record.generation != view.device.generation {
            continue;
        }
        let relation = assignment.relation(version, view.sequence_of(version));
        if relation != Informed::Target && !speaks_of(assignment, heard, view.now) {
            continue;
        }
        if assignment.record.task.state == TaskState::Succeeded && !may_revert(view, assignment, version) {
            continue;
        }
        let happening = Happening::Inform(relation);
        if let Ok(change) = apply(&assignment.record.task, happening, &assignment.job.terms.retry) {
            return Some(Step::Verdict(assignment, change, happening));
        }
    }
    None
}

/// Whether a message is about the attempt as it stands: not when it was taken from the device before the grant.
pub(crate) fn speaks_of(assignment: &Assignment, heard: &Heard, now: i64) -> bool {
    let record = &assignment.record;
    heard.age.is_none_or(|age| now - age >= record.granted_at.max(record.ended_at.unwrap_or(0)))
}

/// Only the device's latest success can be reverted, within 24 hours, and not by another job that moves it on.
fn may_revert(view: &View, assignment: &Assignment, version: &Version) -> bool {
    let ended_at = |assignment: &Assignment| assignment.record.ended_at.unwrap_or(0);
    let is_latest = view
        .tasks
        .iter()
        .filter(|other| other.record.task.state == TaskState::Succeeded)
        .all(|other| ended_at(other) <= ended_at(assignment));
    let is_moving_on = view.live().is_some_and(|live| live.record.task.begun || live.job.to == *version);
    let has_moved_on = view.tasks.iter().any(|other| {
        other.record.task.state == TaskState::Succeeded
            && other.job.to == *version
            && ended_at(other) >= ended_at(assignment)
    });
    is_latest && !is_moving_on && !has_moved_on && view.now - ended_at(assignment) < REVERT_WITHIN
}

const SET_VERSION: &str =
    "UPDATE device SET version = $3, heard_at = {now} WHERE product = $1 AND device = $2";
const SET_HEARD: &str = "UPDATE device SET heard_at = {now} WHERE product = $1 AND device = $2";
/// Connected devices are ready until they disconnect: 2^53 ms is beyond any clock.
pub(crate) const SET_READY: &str = "UPDATE task SET ready_until = COALESCE(
        (SELECT 9007199254740992 FROM device d
            WHERE d.product = task.product AND d.device = task.device AND d.connected = 1),
        {now} + (SELECT j.reachable_within FROM job j WHERE j.job = task.job))
    WHERE product = $1 AND device = $2 AND state = 'waiting'";
