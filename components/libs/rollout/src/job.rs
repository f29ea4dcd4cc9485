//! A job: who may still be granted, and when the job ends or holds itself.

use crate::{Budget, Counters, gate, stage};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Its tasks are being made.
    Preparing,
    /// Grants and lets begin.
    Running,
    /// Stopped itself; only a person resumes it.
    Held,
    /// A person keeps it from granting for a while.
    Paused,
    /// A person stopped it.
    Stopped,
    /// Every task has its verdict.
    Done,
    /// A person deleted it; what it exposed is still counted.
    Deleted,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Preparing, Self::Running, Self::Held, Self::Paused, Self::Stopped, Self::Done, Self::Deleted];

    /// The word for it, everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Done => "done",
            Self::Deleted => "deleted",
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

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Rolls a firmware out.
    Upgrade,
    /// Tries it on a few devices first, and goes before every other job of a device.
    Verify,
}

impl Kind {
    /// The word for it, everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Verify => "verify",
        }
    }

    /// The kind that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Upgrade, Self::Verify].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What decides over a job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Where it stands.
    pub state: JobState,
    /// What it may spend.
    pub budget: Budget,
    /// The rate of loss above which it holds (per mille, 1..=1000).
    pub max_failure_rate: i64,
    /// Its tasks, counted.
    pub counters: Counters,
    /// What a person took note of when the job, which was held for it, was resumed: the gate judges what came after that
    /// hold.
    pub forgiven: Forgiven,
    /// Whether it takes in devices that come later, and so never ends by itself.
    pub is_incremental: bool,
    /// The stage that is open and has not passed; `None` when all are open.
    pub stage: Option<StageStand>,
}

/// What had been lost and had succeeded when the job last held itself for its losses, if it was resumed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgiven {
    /// Devices lost until then, less those that came back.
    pub lost: i64,
    /// Devices that had succeeded.
    pub succeeded: i64,
}

/// How far the members of a stage are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageStand {
    /// Its place among the stages, from 0.
    pub number: i64,
    /// Its tasks.
    pub members: i64,
    /// Those on the target.
    pub succeeded: i64,
    /// Those with a verdict.
    pub ended: i64,
    /// How many of a thousand have to succeed.
    pub pass: i64,
}

impl StageStand {
    /// Whether the stage has passed: its soak time runs.
    pub fn has_passed(&self) -> bool {
        self.succeeded >= stage::needed(self.members, self.pass)
    }

    /// Whether it cannot pass any more.
    pub fn is_stuck(&self) -> bool {
        self.succeeded + (self.members - self.ended) < stage::needed(self.members, self.pass)
    }
}

impl Job {
    /// The state that the job must take after its counters changed, and why, if it is another.
    ///
    /// A running job is done when nothing waits and nothing is in flight.
    /// It holds itself when too many were lost (the gate), when a stage cannot pass any more, and when devices wait,
    /// nobody is in flight, no retry is due and the budget is spent: nothing would ever happen again.
    pub fn settle(&self) -> Option<(JobState, Option<String>)> {
        let counters = &self.counters;
        let is_over = counters.in_flight == 0 && counters.waiting == 0 && !self.is_incremental;
        match self.state {
            // A late success may end a job that had held itself.
            JobState::Running | JobState::Held | JobState::Paused if is_over => Some((JobState::Done, None)),
            JobState::Running => self.must_hold().map(|why| (JobState::Held, Some(why))),
            _ => None,
        }
    }

    /// Why the job may not run as it stands, if it may not.
    pub fn must_hold(&self) -> Option<String> {
        self.is_gate_shut().or_else(|| self.is_stage_stuck()).or_else(|| self.is_budget_spent())
    }

    fn is_gate_shut(&self) -> Option<String> {
        let lost = (self.counters.lost() - self.forgiven.lost).max(0);
        let succeeded = (self.counters.succeeded - self.forgiven.succeeded).max(0);
        let is_shut = gate::is_shut(lost, succeeded, self.max_failure_rate);
        is_shut.then(|| {
            let (percent, tenth) = (self.max_failure_rate / 10, self.max_failure_rate % 10);
            let limit = if tenth == 0 { format!("{percent}") } else { format!("{percent}.{tenth}") };
            format!("{GATE}{lost} of {} lost, at most {limit} % may be", lost + succeeded)
        })
    }

    fn is_stage_stuck(&self) -> Option<String> {
        let stage = self.stage.filter(|stage| stage.members > 0 && stage.is_stuck())?;
        let needed = stage::needed(stage.members, stage.pass);
        Some(format!(
            "{STAGE}{} cannot pass: {} of its {} devices succeeded, {needed} must",
            stage.number, stage.succeeded, stage.members
        ))
    }

    fn is_budget_spent(&self) -> Option<String> {
        let counters = &self.counters;
        let is_stuck = counters.in_flight == 0
            && counters.waiting > 0
            && counters.retrying == 0
            && !self.budget.has_slot(counters.exposed, counters.succeeded);
        is_stuck.then(|| {
            let bound = self.budget.bound(counters.succeeded);
            format!("{BUDGET}{} exposed of {bound}", counters.exposed)
        })
    }
}

/// Whether a job that held because of `why` did so for what its devices lost, which a person who resumes it takes note
/// of: a job may hold for other reasons, which are not these rules'.
///
/// ```
/// use ota_rollout::job::is_of_losses;
/// assert!(is_of_losses("gate: 5 of 5 lost, at most 5 % may be"));
/// assert!(!is_of_losses("firmware quarantined"));
/// ```
pub fn is_of_losses(why: &str) -> bool {
    [GATE, STAGE, BUDGET].iter().any(|word| why.starts_with(word))
}

/// Whether it held because the open stage could not pass.
///
/// ```
/// use ota_rollout::job::is_of_a_stage;
/// assert!(is_of_a_stage("stage 0 cannot pass: 1 of its 2 devices succeeded, 2 must"));
/// assert!(!is_of_a_stage("gate: 5 of 5 lost, at most 5 % may be"));
/// ```
pub fn is_of_a_stage(why: &str) -> bool {
    why.starts_with(STAGE)
}

const GATE: &str = "gate: ";
const STAGE: &str = "stage ";
const BUDGET: &str = "loss budget spent: ";

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState, waiting: i64, in_flight: i64, exposed: i64) -> Job {
        let counters = Counters { waiting, in_flight, exposed, ..Counters::default() };
        Job {
            state,
            budget: Budget { loss_budget: 2, growth: 0 },
            max_failure_rate: 50,
            counters,
            forgiven: Forgiven::default(),
            is_incremental: false,
            stage: None,
        }
    }

    fn held(why: &str) -> (JobState, Option<String>) {
        (JobState::Held, Some(why.to_owned()))
    }

    #[test]
    fn a_running_job_ends_when_nothing_waits_and_nothing_is_in_flight() {
        assert_eq!(job(JobState::Running, 0, 0, 1).settle(), Some((JobState::Done, None)));
        assert_eq!(job(JobState::Running, 0, 1, 1).settle(), None);
    }

    #[test]
    fn an_incremental_job_waits_for_devices_that_come_later() {
        let incremental = Job { is_incremental: true, ..job(JobState::Running, 0, 0, 1) };
        assert_eq!(incremental.settle(), None);
    }

    #[test]
    fn a_job_holds_when_its_budget_is_spent_and_nobody_is_in_flight() {
        let spent = Some(held("loss budget spent: 2 exposed of 2"));
        assert_eq!(job(JobState::Running, 5, 0, 2).settle(), spent);
        assert_eq!(job(JobState::Running, 5, 1, 2).settle(), None);
        assert_eq!(job(JobState::Running, 5, 0, 1).settle(), None);
        let mut retrying = job(JobState::Running, 5, 0, 2);
        retrying.counters.retrying = 1;
        assert_eq!(retrying.settle(), None);
    }

    #[test]
    fn the_gate_judges_what_is_lost_of_what_finished_and_never_of_all() {
        let mut job = job(JobState::Running, 1_000_000, 0, 5);
        job.budget.loss_budget = 100;
        assert_eq!(job.settle(), Some(held("gate: 5 of 5 lost, at most 5 % may be")));
        job.counters.in_flight = 5;
        assert_eq!(job.settle(), None, "devices at work are not lost yet");
        job.counters.in_flight = 0;
        job.counters.succeeded = 200;
        assert_eq!(job.settle(), None);
    }

    #[test]
    fn a_resumed_job_is_judged_by_what_came_after() {
        let mut job = job(JobState::Running, 10, 0, 5);
        job.budget.loss_budget = 100;
        job.forgiven = Forgiven { lost: 5, succeeded: 0 };
        assert_eq!(job.settle(), None);
        job.counters.exposed = 10;
        assert_eq!(job.settle(), Some(held("gate: 5 of 5 lost, at most 5 % may be")));
    }

    #[test]
    fn a_stage_that_cannot_pass_any_more_holds_the_job() {
        let stage = StageStand { number: 0, members: 3, succeeded: 2, ended: 2, pass: 1000 };
        let mut job = Job { stage: Some(stage), ..job(JobState::Running, 10, 0, 1) };
        assert_eq!(job.settle(), None);
        job.stage = Some(StageStand { ended: 3, ..stage });
        assert_eq!(job.settle(), Some(held("stage 0 cannot pass: 2 of its 3 devices succeeded, 3 must")));
    }

    #[test]
    fn a_stopped_job_stays_stopped_and_a_held_one_ends_with_its_last_task() {
        assert_eq!(job(JobState::Stopped, 0, 0, 0).settle(), None);
        assert_eq!(job(JobState::Held, 0, 0, 2).settle(), Some((JobState::Done, None)));
        assert_eq!(job(JobState::Held, 1, 0, 2).settle(), None);
        assert_eq!(job(JobState::Preparing, 0, 0, 0).settle(), None);
    }

    #[test]
    fn every_reason_of_these_rules_is_of_losses() {
        let mut gate = job(JobState::Running, 9, 0, 5);
        gate.budget.loss_budget = 100;
        let mut stage = job(JobState::Running, 9, 0, 1);
        stage.stage = Some(StageStand { number: 0, members: 1, succeeded: 0, ended: 1, pass: 1000 });
        let budget = job(JobState::Running, 9, 0, 2);
        for job in [gate, stage, budget] {
            let why = job.must_hold().unwrap_or_default();
            assert!(is_of_losses(&why), "{why}");
        }
        assert!(!is_of_losses("counters: begun is 2, counted 1"));
    }

    #[test]
    fn each_word_names_its_state() {
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
        assert_eq!(Kind::parse("verify"), Some(Kind::Verify));
        assert_eq!(Mode::parse("pull"), None);
    }
}
