//! A device informs its version: the only proof of success, and the moment to tell it something.

use ota_protocol::key::DeviceId;
use ota_protocol::version::Version;
use ota_rollout::rules::Change;
use ota_rollout::{Happening, Informed, Mode, TaskState, apply};

use crate::command::Command;
use crate::decide::{Decision, Landed};
use crate::transaction::End;
use crate::view::{Assignment, REVERT_WITHIN, View};
use crate::{Ledger, SqlError, Value};

/// Who sent a message, and when it was taken from the device.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The device.
    pub id: DeviceId,
    /// How long ago a listening bridge took the message from it (ms); `None` when nobody knows: it counts as said when
    /// it was received.
    pub age: Option<i64>,
}

impl Heard {
    /// When the device said it, by the ledger's clock, which showed `now` (ms) at the first read: no message is younger
    /// than that, however long it waits for its transaction.
    pub(crate) fn spoken_at(&self, now: i64) -> i64 {
        now.saturating_sub(self.age.unwrap_or(0).max(0))
    }
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
    ///
    /// A message that comes late counts as of when it was said. Older than the version on record, it changes nothing;
    /// from before an attempt, it says nothing about that attempt. (What an unchanged inform says is not written but
    /// every [`HEARD_EVERY`], so a message that was overtaken by such a word alone still passes for the newest: it may
    /// skip a task that nothing has begun of, which stays skipped; whatever else it says, the next inform mends.)
    pub fn inform(&self, heard: &Heard, version: &Version) -> Result<Told, SqlError> {
        let mut may_grant = true;
        let mut may_join = true;
        let mut received = None;
        for _ in 0..MOST_STEPS {
            let Some(view) = self.view(&heard.id)? else { return Ok(Told::Unknown) };
            let word = Word { version, spoken_at: heard.spoken_at(*received.get_or_insert(view.now)) };
            if word.is_outdated(&view) {
                return Ok(Told::Known(view.undelivered().map(Box::new)));
            }
            // Before the version is written: a message that comes again finds what it did not do.
            let is_new = view.device.version.as_ref() != Some(version);
            if std::mem::take(&mut may_join) && is_new && self.join(&heard.id, version)? {
                continue;
            }
            let Some(step) = next_step(&view, &word, may_grant) else {
                self.touch(&view, &word)?;
                return Ok(Told::Known(view.undelivered().map(Box::new)));
            };
            let landed = self.take_step(&heard.id, &word, may_grant)?;
            if matches!(step, Step::Grant(..)) && landed == Landed::NoSlot {
                may_grant = false;
            }
        }
        Ok(Told::Known(None))
    }

    /// One transaction: locks the device, reads again, decides, writes.
    fn take_step(&self, id: &DeviceId, word: &Word<'_>, may_grant: bool) -> Result<Landed, SqlError> {
        self.transaction(|| {
            if self.sql.execute(&self.dialect.text(SET_VERSION), &word.values(id))? == 0 {
                return Ok(End::Rollback(Landed::Raced));
            }
            let Some(view) = self.view(id)? else { return Ok(End::Rollback(Landed::Raced)) };
            let (assignment, change, happening) = match next_step(&view, word, may_grant) {
                None | Some(Step::Version) => return Ok(End::Commit(Landed::Yes)),
                Some(Step::Verdict(assignment, change, happening)) => (assignment, change, happening),
                Some(Step::Grant(assignment, change)) => (assignment, change, Happening::Grant),
            };
            let decision = Decision {
                detail: (happening != Happening::Grant).then(|| word.version.as_str()),
                is_carried: true,
                spoken_at: (happening != Happening::Grant).then_some(word.spoken_at),
                ..Decision::by("device", happening, change)
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
            let decision = Decision::by("device", Happening::Grant, change);
            Ok(match self.write(&view, assignment, &decision)? {
                Landed::Yes => End::Commit(()),
                Landed::Raced | Landed::NoSlot => End::Rollback(()),
            })
        })
    }

    /// Writes *last heard* when it is older than [`HEARD_EVERY`], and keeps waiting tasks ready for a grant.
    fn touch(&self, view: &View, word: &Word<'_>) -> Result<(), SqlError> {
        let id = &view.device.id;
        let is_stale = |assignment: &Assignment| {
            assignment.record.task.state == TaskState::Waiting
                && assignment.job.mode == Mode::Push
                && assignment.record.ready_until < view.now + assignment.job.terms.reachable_within / 2
        };
        if view.tasks.iter().any(is_stale) {
            // The device's row comes before its tasks, here too: two that change the same tasks must not meet.
            return self.transaction(|| {
                self.sql.execute(&self.dialect.text(SET_HEARD), &word.values(id))?;
                let key = [id.product.as_str().into(), id.device.as_str().into()];
                self.sql.execute(&self.dialect.text(SET_READY), &key)?;
                Ok(End::Commit(()))
            });
        }
        if view.now - view.device.heard_at >= HEARD_EVERY {
            self.sql.execute(&self.dialect.text(SET_HEARD), &word.values(id))?;
        }
        Ok(())
    }
}

/// What a device says of itself.
struct Word<'w> {
    version: &'w Version,
    /// When it said so (ms), by the ledger's clock.
    spoken_at: i64,
}

impl Word<'_> {
    /// Whether the device has said another version since.
    fn is_outdated(&self, view: &View) -> bool {
        let device = &view.device;
        let is_later = device.informed_at > self.spoken_at && !view.is_ahead(device.informed_at);
        is_later && device.version.as_ref() != Some(self.version)
    }

    /// The parameters of [`SET_VERSION`] and [`SET_HEARD`].
    fn values(&self, id: &DeviceId) -> [Value; 4] {
        [
            id.product.as_str().into(),
            id.device.as_str().into(),
            self.version.as_str().into(),
            self.spoken_at.into(),
        ]
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

fn next_step<'v>(view: &'v View, word: &Word<'_>, may_grant: bool) -> Option<Step<'v>> {
    if let Some(step) = verdict(view, word) {
        return Some(step);
    }
    if view.device.version.as_ref() != Some(word.version) {
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
fn verdict<'v>(view: &'v View, word: &Word<'_>) -> Option<Step<'v>> {
    let version = word.version;
    let live_first = view.live().into_iter().chain(&view.tasks);
    for assignment in live_first {
        if assignment.record.generation != view.device.generation {
            continue;
        }
        let relation = assignment.relation(version, view.sequence_of(version));
        let has_arrived = matches!(relation, Informed::Target | Informed::Hop);
        let counts = if has_arrived {
            is_back_from(view, assignment, word.spoken_at)
        } else {
            speaks_of(view, assignment, word.spoken_at)
        };
        if !counts {
            continue;
        }
        if assignment.record.task.state == TaskState::Succeeded && !may_revert(view, assignment, word) {
            continue;
        }
        let happening = Happening::Inform(relation);
        if let Ok(change) = apply(&assignment.record.task, happening, &assignment.job.terms.retry) {
            return Some(Step::Verdict(assignment, change, happening));
        }
    }
    None
}

/// Whether what the device said then is about the attempt as it stands: not from before its verdict or, as long as there
/// is none, its grant. (A success may be older than the latest grant: that of the attempt before, heard late.)
pub(crate) fn speaks_of(view: &View, assignment: &Assignment, spoken_at: i64) -> bool {
    let record = &assignment.record;
    let since = record.ended_at.unwrap_or(record.granted_at);
    spoken_at >= since || view.is_ahead(since)
}

/// Whether a device that said then that it is where it was to go is past all risk: nothing has begun since. A verdict in
/// between makes it a late success, a grant alone puts nothing at risk; that it is still there, the version on record
/// says.
pub(crate) fn is_back_from(view: &View, assignment: &Assignment, spoken_at: i64) -> bool {
    let record = &assignment.record;
    !record.task.begun || spoken_at >= record.begun_at || view.is_ahead(record.begun_at)
}

/// Only the device's latest success can be reverted, within 24 hours, and not by another job that moves it on.
fn may_revert(view: &View, assignment: &Assignment, word: &Word<'_>) -> bool {
    let version = word.version;
    // What a clock that was set back has dated ahead came before all that it dates since.
    let ended = |assignment: &Assignment| {
        let ended_at = assignment.record.ended_at.unwrap_or(0);
        (!view.is_ahead(ended_at), ended_at)
    };
    let is_latest = view
        .tasks
        .iter()
        .filter(|other| other.record.task.state == TaskState::Succeeded)
        .all(|other| ended(other) <= ended(assignment));
    let is_moving_on = view.live().is_some_and(|live| live.record.task.begun || live.job.to == *version);
    let has_moved_on = view.tasks.iter().any(|other| {
        other.record.task.state == TaskState::Succeeded
            && other.job.to == *version
            && ended(other) >= ended(assignment)
    });
    let is_recent = word.spoken_at - ended(assignment).1 < REVERT_WITHIN;
    is_latest && !is_moving_on && !has_moved_on && is_recent
}

/// Nothing changes when another version was said since. The device's row is locked to the end of the transaction.
const SET_VERSION: &str = "UPDATE device SET version = $3, heard_at = {now},
        informed_at = CASE WHEN version = $3 AND informed_at > $4 THEN informed_at ELSE $4 END
    WHERE product = $1 AND device = $2 AND (version = $3 OR informed_at <= $4 OR informed_at > {now})";
const SET_HEARD: &str = "UPDATE device SET heard_at = {now},
        informed_at = CASE WHEN version = $3 AND informed_at < $4 THEN $4 ELSE informed_at END
    WHERE product = $1 AND device = $2";
/// Connected devices are ready until they disconnect: 2^53 ms is beyond any clock. Each attempt takes a millisecond off
/// it, so that whoever was never granted goes before one that lapsed.
pub(crate) const SET_READY: &str = "UPDATE task SET ready_until = COALESCE(
        (SELECT 9007199254740992 - task.attempt FROM device d
            WHERE d.product = task.product AND d.device = task.device AND d.connected = 1),
        {now} + (SELECT j.reachable_within FROM job j WHERE j.job = task.job))
    WHERE product = $1 AND device = $2 AND state = 'waiting'";
