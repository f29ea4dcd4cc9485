//! A job: who may still be granted, and when the job ends or holds itself.

use crate::{Budget, Counters};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Grants and lets begin.
    Running,
    /// Stopped itself; only a person resumes it.
    Held,
    /// A person stopped it.
    Stopped,
    /// Every task has its verdict.
    Done,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Running, Self::Held, Self::Stopped, Self::Done];

    /// The word for it, everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    /// The state that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Who starts an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The gateway tells the device.
    Push,
    /// The device asks (getversion) and picks.
    Request,
}

impl Mode {
    /// The word for it, everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Request => "request",
        }
    }

    /// The mode that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Push, Self::Request].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What an operator may set on a job. Durations are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The loss budget and its growth.
    pub budget: Budget,
    /// Devices at work at once, 1..=1 000 000.
    pub max_in_flight: i64,
    /// How long a command may go without a sign before the grant lapses.
    pub first_sign_within: i64,
    /// How long a device may take from its first sign.
    pub upgrade_timeout: i64,
    /// How long the old version after a complete download waits for a better word.
    pub confirm_within: i64,
    /// How long a device that is not connected counts as reachable after it was heard.
    pub reachable_within: i64,
}

impl Terms {
    /// A job that says nothing (DESIGN §5).
    pub const DEFAULT: Self = Self {
        budget: Budget::DEFAULT,
        max_in_flight: 300,
        first_sign_within: 300_000,
        upgrade_timeout: 7_200_000,
        confirm_within: 60_000,
        reachable_within: 600_000,
    };

    /// These terms, if each is within its limits.
    pub fn check(self) -> Result<Self, OutOfRange> {
        let duration = |name, ms: i64| within(name, ms / 1000, 1, 172_800);
        within("loss_budget", self.budget.loss_budget, 1, 1_000_000)?;
        within("growth", self.budget.growth, 0, 1000)?;
        within("max_in_flight", self.max_in_flight, 1, 1_000_000)?;
        duration("first_sign_within", self.first_sign_within)?;
        duration("upgrade_timeout", self.upgrade_timeout)?;
        duration("confirm_within", self.confirm_within)?;
        duration("reachable_within", self.reachable_within)?;
        Ok(self)
    }
}

/// A term that no job may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}, must be {least} to {most}")]
pub struct OutOfRange {
    name: &'static str,
    value: i64,
    least: i64,
    most: i64,
}

fn within(name: &'static str, value: i64, least: i64, most: i64) -> Result<(), OutOfRange> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(OutOfRange { name, value, least, most })
}

/// What decides over a job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Where it stands.
    pub state: JobState,
    /// What it may spend.
    pub budget: Budget,
    /// Its tasks, counted.
    pub counters: Counters,
}

impl Job {
    /// The state that the job must take after its counters changed, and why, if it is another.
    ///
    /// A running job is done when nothing waits and nothing is in flight.
    /// It holds itself when devices wait, nobody is in flight and the budget is spent:
    /// nothing would ever happen again.
    pub fn settle(&self) -> Option<(JobState, Option<&'static str>)> {
        let counters = &self.counters;
        if self.state == JobState::Running && counters.in_flight == 0 {
            if counters.waiting == 0 {
                return Some((JobState::Done, None));
            }
            if !self.budget.has_slot(counters.exposed, counters.succeeded) {
                return Some((JobState::Held, Some("loss budget spent")));
            }
        }
        // A late success may end a job that had held itself.
        if self.state == JobState::Held && counters.in_flight == 0 && counters.waiting == 0 {
            return Some((JobState::Done, None));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState, waiting: i64, in_flight: i64, exposed: i64) -> Job {
        let counters = Counters { waiting, in_flight, exposed, ..Counters::default() };
        Job { state, budget: Budget { loss_budget: 2, growth: 0 }, counters }
    }

    #[test]
    fn a_running_job_ends_when_nothing_waits_and_nothing_is_in_flight() {
        assert_eq!(job(JobState::Running, 0, 0, 1).settle(), Some((JobState::Done, None)));
        assert_eq!(job(JobState::Running, 0, 1, 1).settle(), None);
    }

    #[test]
    fn a_job_holds_when_its_budget_is_spent_and_nobody_is_in_flight() {
        let held = Some((JobState::Held, Some("loss budget spent")));
        assert_eq!(job(JobState::Running, 5, 0, 2).settle(), held);
        assert_eq!(job(JobState::Running, 5, 1, 2).settle(), None);
        assert_eq!(job(JobState::Running, 5, 0, 1).settle(), None);
    }

    #[test]
    fn a_stopped_job_stays_stopped_and_a_held_one_ends_with_its_last_task() {
        assert_eq!(job(JobState::Stopped, 0, 0, 0).settle(), None);
        assert_eq!(job(JobState::Held, 0, 0, 2).settle(), Some((JobState::Done, None)));
        assert_eq!(job(JobState::Held, 1, 0, 2).settle(), None);
    }

    #[test]
    fn terms_out_of_range_name_the_value_and_the_limit() {
        assert!(Terms::DEFAULT.check().is_ok());
        let text = |terms: Terms| terms.check().map_or_else(|e| e.to_string(), |_| String::new());
        let budget = Budget { loss_budget: 0, growth: 100 };
        assert_eq!(text(Terms { budget, ..Terms::DEFAULT }), "loss_budget is 0, must be 1 to 1000000");
        assert_eq!(
            text(Terms { upgrade_timeout: 172_801_000, ..Terms::DEFAULT }),
            "upgrade_timeout is 172801, must be 1 to 172800"
        );
    }
}
