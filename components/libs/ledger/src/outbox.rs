//! The outbox: which hook is yet to be told of which event, and when it is tried again.
//!
//! An event that somebody may want to hear of carries its kind in `message` until [`Ledger::fan_out`] has put it into
//! the outbox of each hook that wants it. A try is claimed before it is made and ends in [`Ledger::told`] or
//! [`Ledger::untold`]; whoever dies between the two leaves a message that is due again later. So a message arrives at
//! least once, however often a sweep runs or fails, and no decision ever waits for a receiver.

use crate::event::{Event, NewEvent};
use crate::record::JobRecord;
use crate::transaction::End;
use crate::{Ledger, Row, SqlError};

/// The most events that one call puts into outboxes.
pub const FAN_OUT: i64 = 50;

/// How long a message is tried (ms): a week.
pub const TRIED_FOR: i64 = 7 * 24 * 3_600_000;

/// A message that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its hook.
    pub hook: String,
    /// The number of its event.
    pub event: i64,
    /// How often it was tried.
    tries: i64,
    /// How often in a row the hook failed, whatever the message.
    failures: i64,
    /// The end of the hook's last pause (ms).
    paused_until: i64,
}

/// A try that is claimed: what to send, and where.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its hook.
    pub hook: String,
    /// Where to.
    pub url: String,
    /// What it is signed with, encrypted.
    pub secret: String,
    /// What it is about: a word of [`crate::hook::Kind`].
    pub kind: String,
    /// What happened.
    pub event: Event,
    /// The job that it happened to, as it is now.
    pub job: Option<JobRecord>,
    /// The ledger's clock (ms).
    pub now: i64,
    /// How often the hook failed in a row.
    failures: i64,
}

impl Ledger<'_> {
    /// Puts events that are to be told into the outbox of each hook that wants them, oldest first, at most [`FAN_OUT`].
    /// How many events there were.
    pub fn fan_out(&self) -> Result<usize, SqlError> {
        let rows = self.sql.query(TO_TELL, &[FAN_OUT.into()])?;
        for row in &rows {
            let event = row.int(0)?;
            self.transaction(|| {
                self.sql.execute(&self.dialect.text(PUT), &[event.into()])?;
                self.sql.execute(IS_PUT, &[event.into()])?;
                Ok(End::Commit(()))
            })?;
        }
        Ok(rows.len())
    }

    /// The messages to try now, those that have waited longest first, at most `limit`. None of a hook that pauses.
    pub fn due(&self, limit: i64) -> Result<Vec<Due>, SqlError> {
        let rows = self.sql.query(&self.dialect.text(DUE), &[limit.into()])?;
        rows.iter()
            .map(|row| {
                Ok(Due {
                    hook: row.text(0)?,
                    event: row.int(1)?,
                    tries: row.int(2)?,
                    failures: row.int(3)?,
                    paused_until: row.int(4)?,
                })
            })
            .collect()
    }

    /// Claims the next try of a message: no other sweep makes it. `None` when another did, or nobody wants it any more.
    /// A hook that fails is tried with one message at a time.
    pub fn claim(&self, due: &Due) -> Result<Option<Delivery>, SqlError> {
        let hook = due.hook.as_str();
        self.transaction(|| {
            if due.failures > 0 {
                let pause = pause(due.failures, (self.random)());
                let values = [hook.into(), due.paused_until.into(), pause.into()];
                if self.sql.execute(&self.dialect.text(PROBE), &values)? != 1 {
                    return Ok(End::Rollback(None));
                }
            }
            let again = backoff(due.tries, (self.random)());
            let values = [hook.into(), due.event.into(), due.tries.into(), again.into()];
            if self.sql.execute(&self.dialect.text(CLAIM), &values)? != 1 {
                return Ok(End::Rollback(None));
            }
            let sql = self.dialect.text(DELIVERY).replace("{job}", JobRecord::COLUMNS);
            let rows = self.sql.query(&sql, &[hook.into(), due.event.into()])?;
            let delivery = rows.first().map(|row| Delivery::read(row, due)).transpose()?;
            if delivery.is_none() {
                // Its hook was removed while the message was being put into its outbox.
                self.sql.execute(&self.dialect.text(DROP), &[hook.into(), due.event.into()])?;
            }
            Ok(End::Commit(delivery))
        })
    }

    /// The receiver has the message. What else waits for a receiver that had failed is due at once.
    pub fn told(&self, delivery: &Delivery) -> Result<(), SqlError> {
        self.transaction(|| {
            let values = [delivery.hook.as_str().into(), delivery.event.number.into()];
            // The hook before its messages, as everywhere.
            self.sql.execute(&self.dialect.text(TALLY), &values)?;
            self.sql.execute(&self.dialect.text(TOLD), &values)?;
            self.recover(&delivery.hook)?;
            Ok(End::Commit(()))
        })
    }

    /// The receiver of a hook answers: what waits for it is due at once, if it had failed.
    pub fn hook_answers(&self, hook: &str) -> Result<(), SqlError> {
        self.transaction(|| {
            self.recover(hook)?;
            Ok(End::Commit(()))
        })
    }

    fn recover(&self, hook: &str) -> Result<(), SqlError> {
        if self.sql.execute(RECOVER, &[hook.into()])? == 1 {
            self.sql.execute(&self.dialect.text(WAKE), &[hook.into()])?;
        }
        Ok(())
    }

    /// The receiver does not have the message, because of `error`: its hook pauses. What was tried for longer than
    /// [`TRIED_FOR`] is given up, with an event; how many messages that are.
    pub fn untold(&self, delivery: &Delivery, error: &str) -> Result<u64, SqlError> {
        let hook = delivery.hook.as_str();
        let pause = pause(delivery.failures, (self.random)());
        self.transaction(|| {
            let values = [hook.into(), error.into(), pause.into()];
            self.sql.execute(&self.dialect.text(FAIL), &values)?;
            self.sql.execute(UNTOLD, &[hook.into(), delivery.event.number.into(), error.into()])?;
            let given_up = self.sql.execute(&self.dialect.text(GIVE_UP), &[hook.into(), TRIED_FOR.into()])?;
            if given_up > 0 {
                self.append(&NewEvent {
                    kind: "hook_gave_up",
                    actor: "sweep",
                    detail: Some(&format!("{hook}: {given_up} messages: {error}")),
                    ..NewEvent::default()
                })?;
            }
            Ok(End::Commit(given_up))
        })
    }
}

impl Delivery {
    /// What names it at each try: `<hook>.<event>`.
    pub fn id(&self) -> String {
        format!("{}.{}", self.hook, self.event.number)
    }

    fn read(row: &Row, due: &Due) -> Result<Self, SqlError> {
        let has_job = row.opt_text(JOB_AT)?.is_some();
        let event = Event {
            number: due.event,
            at: row.int(4)?,
            kind: row.text(5)?,
            product: row.opt_text(6)?,
            device: row.opt_text(7)?,
            job: row.opt_text(8)?,
            actor: row.text(9)?,
            detail: row.opt_text(10)?,
        };
        Ok(Self {
            hook: due.hook.clone(),
            url: row.text(1)?,
            secret: row.text(2)?,
            kind: row.text(3)?,
            event,
            job: has_job.then(|| JobRecord::read(row, JOB_AT)).transpose()?,
            now: row.int(0)?,
            failures: due.failures,
        })
    }
}

/// Where the job stands in [`DELIVERY`].
const JOB_AT: usize = 11;

/// How long after its try number `tries` (from 0) a message waits for the next (ms): 5 s, doubling up to 1 h, and up
/// to a quarter more. Never less than a try takes, so two of them never overlap.
fn backoff(tries: i64, random: u64) -> i64 {
    jittered(doubled(5_000, tries).min(3_600_000), random)
}

/// How long a hook that failed `failures` times in a row is left alone (ms): 5 s, doubling up to 1 min, and up to a
/// quarter more. Short, since one message that a receiver cannot take must not keep the others from it for long.
fn pause(failures: i64, random: u64) -> i64 {
    jittered(doubled(5_000, failures).min(60_000), random)
}

fn doubled(first: i64, times: i64) -> i64 {
    first << times.clamp(0, 20)
}

fn jittered(delay: i64, random: u64) -> i64 {
    let most = delay / 4;
    let share = i64::try_from(random % 1_000).unwrap_or(0);
    delay + most * share / 1_000
}

const TO_TELL: &str = "SELECT number FROM event WHERE message IS NOT NULL ORDER BY number LIMIT $1";
/// Both sides of LIKE are words of our own, in lower case.
const PUT: &str = "INSERT INTO outbox (hook, event, kind, tries, due_at, created_at)
    SELECT h.hook, e.number, e.message, 0, {now}, {now}
    FROM event e LEFT JOIN job j ON j.job = e.job CROSS JOIN hook h
    WHERE e.number = $1 AND e.message IS NOT NULL AND h.removed_at IS NULL
        AND (h.product IS NULL OR h.product = COALESCE(e.product, j.product))
        AND ',' || h.kinds || ',' LIKE '%,' || e.message || ',%'
    ON CONFLICT DO NOTHING";
const IS_PUT: &str = "UPDATE event SET message = NULL WHERE number = $1";
/// Hooks first, of which there are few, so that what waits for one that pauses is not read: CROSS JOIN keeps SQLite to it.
const DUE: &str = "SELECT o.hook, o.event, o.tries, h.failures, h.paused_until
    FROM hook h CROSS JOIN outbox o
    WHERE o.hook = h.hook AND h.paused_until <= {now} AND o.due_at <= {now} AND o.delivered_at IS NULL AND o.given_up_at IS NULL
    ORDER BY o.due_at, o.event LIMIT $1";
const PROBE: &str = "UPDATE hook SET paused_until = {now} + $3 WHERE hook = $1 AND paused_until = $2";
const CLAIM: &str = "UPDATE outbox SET tries = tries + 1, due_at = {now} + $4
    WHERE hook = $1 AND event = $2 AND tries = $3
        AND due_at <= {now} AND delivered_at IS NULL AND given_up_at IS NULL";
const DELIVERY: &str = "SELECT {now}, h.url, h.secret, o.kind,
        e.at, e.kind, COALESCE(e.product, j.product), e.device, e.job, e.actor, e.detail, {job}
    FROM outbox o
    JOIN hook h ON h.hook = o.hook AND h.removed_at IS NULL
    JOIN event e ON e.number = o.event
    LEFT JOIN job j ON j.job = e.job
    WHERE o.hook = $1 AND o.event = $2";
const DROP: &str = "UPDATE outbox SET given_up_at = {now} WHERE hook = $1 AND event = $2";
const TALLY: &str = "UPDATE hook SET delivered = delivered + 1, delivered_at = {now}
    WHERE hook = $1 AND EXISTS (SELECT 1 FROM outbox o
        WHERE o.hook = $1 AND o.event = $2 AND o.delivered_at IS NULL)";
const TOLD: &str = "UPDATE outbox SET delivered_at = {now}, last_error = NULL
    WHERE hook = $1 AND event = $2 AND delivered_at IS NULL";
const RECOVER: &str =
    "UPDATE hook SET failures = 0, failing_since = NULL, last_error = NULL, paused_until = 0
    WHERE hook = $1 AND failures > 0";
const WAKE: &str = "UPDATE outbox SET due_at = {now}
    WHERE hook = $1 AND due_at > {now} AND delivered_at IS NULL AND given_up_at IS NULL";
const FAIL: &str = "UPDATE hook SET failures = failures + 1, failing_since = COALESCE(failing_since, {now}),
        last_error = $2, paused_until = {now} + $3
    WHERE hook = $1";
const UNTOLD: &str =
    "UPDATE outbox SET last_error = $3 WHERE hook = $1 AND event = $2 AND delivered_at IS NULL";
/// Each was tried at least once, however late the sweep is.
const GIVE_UP: &str = "UPDATE outbox SET given_up_at = {now}
    WHERE hook = $1 AND created_at + $2 <= {now} AND tries > 0 AND delivered_at IS NULL AND given_up_at IS NULL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_ever_later_up_to_an_hour() {
        let delays: Vec<i64> = (0..12).map(|tries| backoff(tries, 0) / 1_000).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(backoff(i64::MAX, 0), 3_600_000);
        assert_eq!(pause(i64::MAX, 0), 60_000);
    }

    #[test]
    fn jitter_adds_up_to_a_quarter_and_takes_nothing_away() {
        for random in [0, 1, 999, 1_000, u64::MAX] {
            assert!((5_000..6_250).contains(&backoff(0, random)), "{random}");
        }
        assert_ne!(backoff(0, 1), backoff(0, 999));
    }
}
