//! A job, as stored.

use ota_protocol::key::ProductKey;
use ota_protocol::version::Version;
use ota_rollout::window::Schedule;
use ota_rollout::{Budget, Counters, Forgiven, Job, JobState, Kind, Mode, Reasons, Retry, StageStand, Terms};

use super::{product_key, version};
use crate::sql::{Row, SqlError};

/// A job, as stored.
#[derive(Debug, Clone)]
pub struct JobRecord {
    /// Its id.
    pub job: String,
    /// Whose devices it moves.
    pub product: ProductKey,
    /// The version it moves them to.
    pub to: Version,
    /// What it is for.
    pub kind: Kind,
    /// Who starts an update.
    pub mode: Mode,
    /// Where it stands.
    pub state: JobState,
    /// Whether its stop also cut what was running.
    pub is_hard: bool,
    /// Why it holds, or held when a person paused or stopped it.
    pub held_because: Option<String>,
    /// What the operator set.
    pub terms: Terms,
    /// When it may grant.
    pub schedule: Schedule,
    /// Whether it may bring devices to an older firmware.
    pub is_downgrade: bool,
    /// Whether it takes in devices that come later.
    pub is_incremental: bool,
    /// Until when its pace keeps it from granting (ms).
    pub paced_until: i64,
    /// Up to which device its tasks are made; `None` when all are.
    pub filled_to: Option<String>,
    /// The stage that is open.
    pub stage: i64,
    /// Its last stage; 0 when it has no stages.
    pub last_stage: i64,
    /// How the members of the open stage stand.
    pub stand: StageStand,
    /// How long the open stage rests after it passed (ms).
    pub soak: i64,
    /// When the open stage passed (ms).
    pub passed_at: Option<i64>,
    /// What was forgiven when it was resumed after it had been held for its losses.
    pub forgiven: Forgiven,
    /// How it stood when it last held itself, less what was lost and came back since: what a resume forgives.
    pub held: Forgiven,
    /// How many tasks it has, with those of hardware that was replaced.
    pub devices: i64,
    /// Its tasks, counted.
    pub counters: Counters,
    /// When it was created (ms).
    pub created_at: i64,
}

impl JobRecord {
    pub(crate) const COLUMNS: &str = "j.job, j.product, j.version, j.kind, j.mode, j.state, j.hard, \
         j.held_because, j.loss_budget, j.growth, j.max_failure_rate, j.max_in_flight, j.per_minute, j.attempts, \
         j.backoff, j.retry_reasons, j.first_sign_within, j.upgrade_timeout, j.confirm_within, \
         j.reachable_within, j.starts_at, j.windows, j.downgrade, j.incremental, j.paced_until, j.filled_to, \
         j.stage, j.last_stage, j.stage_members, j.stage_succeeded, j.stage_ended, j.stage_pass, j.stage_soak, \
         j.stage_passed_at, j.forgiven_lost, j.forgiven_succeeded, j.devices, j.waiting, j.in_flight, \
         j.succeeded, j.failed, j.timed_out, j.canceled, j.skipped, j.exposed, j.begun, j.retrying, j.created_at, \
         j.held_lost, j.held_succeeded";
    pub(crate) const WIDTH: usize = 50;

    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let word = |n: usize| row.text(at + n);
        let bad = |what: &str, word: &str| SqlError(format!("job {what} {word}"));
        let (kind, mode, state) = (word(3)?, word(4)?, word(5)?);
        let open = row.int(at + 26)?;
        Ok(Self {
            job: word(0)?,
            product: product_key(row, at + 1)?,
            to: version(row, at + 2)?.ok_or_else(|| bad("version", "null"))?,
            kind: Kind::parse(&kind).ok_or_else(|| bad("kind", &kind))?,
            mode: Mode::parse(&mode).ok_or_else(|| bad("mode", &mode))?,
            state: JobState::parse(&state).ok_or_else(|| bad("state", &state))?,
            is_hard: row.int(at + 6)? == 1,
            held_because: row.opt_text(at + 7)?,
            terms: terms(row, at + 8)?,
            schedule: schedule(row, at + 20)?,
            is_downgrade: row.int(at + 22)? == 1,
            is_incremental: row.int(at + 23)? == 1,
            paced_until: row.int(at + 24)?,
            filled_to: row.opt_text(at + 25)?,
            stage: open,
            last_stage: row.int(at + 27)?,
            stand: StageStand {
                number: open,
                members: row.int(at + 28)?,
                succeeded: row.int(at + 29)?,
                ended: row.int(at + 30)?,
                pass: row.int(at + 31)?,
            },
            soak: row.int(at + 32)?,
            passed_at: row.opt_int(at + 33)?,
            forgiven: Forgiven { lost: row.int(at + 34)?, succeeded: row.int(at + 35)? },
            held: Forgiven { lost: row.int(at + 48)?, succeeded: row.int(at + 49)? },
            devices: row.int(at + 36)?,
            counters: counters(row, at + 37)?,
            created_at: row.int(at + 47)?,
        })
    }

    /// What decides over its state.
    pub fn rules(&self) -> Job {
        Job {
            state: self.state,
            budget: self.terms.budget,
            max_failure_rate: self.terms.max_failure_rate,
            counters: self.counters,
            forgiven: self.forgiven,
            is_incremental: self.is_incremental,
            stage: (self.stage < self.last_stage && self.passed_at.is_none()).then_some(self.stand),
        }
    }

    /// How many devices may be exposed now.
    pub fn bound(&self) -> i64 {
        self.terms.budget.bound(self.counters.succeeded)
    }
}

fn terms(row: &Row, at: usize) -> Result<Terms, SqlError> {
    let n = |n: usize| row.int(at + n);
    Ok(Terms {
        budget: Budget { loss_budget: n(0)?, growth: n(1)? },
        max_failure_rate: n(2)?,
        max_in_flight: n(3)?,
        per_minute: n(4)?,
        retry: Retry {
            attempts: n(5)?,
            backoff: n(6)?,
            reasons: Reasons::from_bits(n(7)?).ok_or_else(|| SqlError("job retry reasons".to_owned()))?,
        },
        first_sign_within: n(8)?,
        upgrade_timeout: n(9)?,
        confirm_within: n(10)?,
        reachable_within: n(11)?,
    })
}

fn schedule(row: &Row, at: usize) -> Result<Schedule, SqlError> {
    let windows = row.opt_text(at + 1)?.unwrap_or_default();
    Schedule::parse(row.int(at)?, &windows).map_err(|error| SqlError(format!("job windows: {error}")))
}

fn counters(row: &Row, at: usize) -> Result<Counters, SqlError> {
    let n = |n: usize| row.int(at + n);
    Ok(Counters {
        waiting: n(0)?,
        in_flight: n(1)?,
        succeeded: n(2)?,
        failed: n(3)?,
        timed_out: n(4)?,
        canceled: n(5)?,
        skipped: n(6)?,
        exposed: n(7)?,
        begun: n(8)?,
        retrying: n(9)?,
    })
}
