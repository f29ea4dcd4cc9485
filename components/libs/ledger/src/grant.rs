//! Whether a task may be granted now, and if not, everything that stands in its way.
//!
//! Grants ask this, and so does `explain`: what an operator is told is what decides.

use std::fmt;

use ota_protocol::version::Version;
use ota_rollout::{JobState, Kind, Mode, TaskState};

use crate::moment::Moment;
use crate::view::{Assignment, View};

/// Something that keeps a waiting task from being granted, or offered, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Barrier {
    /// The task has its verdict, or is at work.
    Not(TaskState),
    /// The job does not run.
    JobIs(JobState, Option<String>),
    /// A block of the firmware was found damaged.
    Quarantined(Version),
    /// The hardware was replaced since the task was made.
    Replaced,
    /// The device never informed a version.
    NoVersion,
    /// The version is not registered, and the product gives nothing to such devices.
    UnknownVersion(Version),
    /// The device runs the target.
    AlreadyThere,
    /// The device runs something that was registered after the target.
    Newer(Version),
    /// The device is at work for another job.
    Busy(String),
    /// The next attempt is due then (ms).
    BacksOff(i64),
    /// The schedule opens then (ms).
    Closed(i64),
    /// The stage of the device, and the one that is open.
    Stage(i64, i64),
    /// The device is not connected, and was not heard of late (when it was, and for how long that counts, ms).
    Unreachable(i64, i64),
    /// The device showed no sign of its last command, or was passed over: it has to be heard again.
    Unheard,
    /// The budget: exposed, bound.
    NoSlot(i64, i64),
    /// Devices at work, and how many may be.
    Full(i64, i64),
    /// The pace lets no other be granted before (ms).
    Paced(i64),
    /// Another job of the device goes first.
    Behind(String),
}

impl Barrier {
    /// Whether no device of the job can be granted now.
    pub(crate) fn is_of_job(&self) -> bool {
        matches!(self, Self::JobIs(..) | Self::Closed(_) | Self::NoSlot(..) | Self::Full(..) | Self::Paced(_))
    }

    /// Whether it falls as soon as the device is heard.
    fn is_of_reach(&self) -> bool {
        matches!(self, Self::Unreachable(..) | Self::Unheard)
    }

    /// Whether the device need only come back later: nothing but room, or time, is missing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Stage(..) | Self::NoSlot(..) | Self::Full(..) | Self::Paced(_))
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(state) => write!(f, "the task is {}", state.as_str()),
            Self::JobIs(state, None) => write!(f, "the job is {}", state.as_str()),
            Self::JobIs(state, Some(why)) => write!(f, "the job is {}: {why}", state.as_str()),
            Self::Quarantined(version) => write!(f, "firmware {version} is quarantined"),
            Self::Replaced => f.write_str("the hardware was replaced since it joined the job"),
            Self::NoVersion => f.write_str("the device never informed a version"),
            Self::UnknownVersion(version) => {
                write!(f, "version {version} is not registered, and the product refuses such devices")
            }
            Self::AlreadyThere => f.write_str("the device runs the target already"),
            Self::Newer(version) => {
                write!(f, "version {version} is newer than the target, and the job does not downgrade")
            }
            Self::Busy(job) => write!(f, "the device is at work for job {job}"),
            Self::BacksOff(until) => write!(f, "the next attempt is due at {}", Moment(*until)),
            Self::Closed(until) => write!(f, "the job opens at {}", Moment(*until)),
            Self::Stage(own, open) => write!(f, "the device is in stage {own}, stage {open} is open"),
            Self::Unreachable(0, _) => f.write_str("the device was never heard"),
            Self::Unreachable(heard, within) => {
                let (heard, within) = (Moment(*heard), within / 1000);
                write!(f, "the device is not connected, and was last heard at {heard}, which counts for {within} s")
            }
            Self::Unheard => f.write_str(
                "the device has to be heard again: it showed no sign of its last command, or could not be granted",
            ),
            Self::NoSlot(exposed, bound) => {
                write!(f, "the loss budget has no slot: {exposed} exposed of {bound}")
            }
            Self::Full(in_flight, most) => {
                write!(f, "{in_flight} devices are at work, at most {most} may be")
            }
            Self::Paced(until) => {
                write!(f, "the pace of the job lets the next be granted at {}", Moment(*until))
            }
            Self::Behind(job) => write!(f, "job {job} goes first"),
        }
    }
}

impl View {
    /// Everything that keeps `assignment` from being granted now (offered, for a request job), in the order in which
    /// it would have to be cleared. Empty: it would be granted at the next opportunity.
    pub fn barriers(&self, assignment: &Assignment) -> Vec<Barrier> {
        let mut barriers = self.lasting(assignment);
        barriers.extend(self.of_device(assignment));
        barriers.extend(self.of_job(assignment));
        barriers
    }

    /// The push task that is granted to a device which was just heard, if there is one: verification first, then the
    /// oldest job.
    pub(crate) fn next_grant(&self) -> Option<&Assignment> {
        let is_free = |assignment: &&Assignment| {
            assignment.job.mode == Mode::Push && self.is_free_but_for(assignment, |_| false)
        };
        self.tasks.iter().filter(is_free).min_by_key(|assignment| assignment.rank())
    }

    /// Whether nothing keeps `assignment` from a device that was just heard, but for what `may_stand`.
    pub(crate) fn is_free_but_for(
        &self,
        assignment: &Assignment,
        may_stand: impl Fn(&Barrier) -> bool,
    ) -> bool {
        let stands = |barrier: &Barrier| !barrier.is_of_reach() && !may_stand(barrier);
        !self.barriers(assignment).iter().any(stands)
    }

    /// What time does not clear.
    fn lasting(&self, assignment: &Assignment) -> Vec<Barrier> {
        let (record, job) = (&assignment.record, &assignment.job);
        let mut barriers = Vec::new();
        if record.task.state != TaskState::Waiting {
            barriers.push(Barrier::Not(record.task.state));
        }
        if job.state != JobState::Running {
            barriers.push(Barrier::JobIs(job.state, job.held_because.clone()));
        }
        if assignment.firmware.quarantined_at.is_some() {
            barriers.push(Barrier::Quarantined(assignment.firmware.version.clone()));
        }
        if record.generation != self.device.generation {
            barriers.push(Barrier::Replaced);
        }
        match &self.device.version {
            None => barriers.push(Barrier::NoVersion),
            Some(version) if *version == job.to => barriers.push(Barrier::AlreadyThere),
            Some(version) if self.sequence.is_none() && self.refuses_unknown => {
                barriers.push(Barrier::UnknownVersion(version.clone()));
            }
            Some(version) => {
                let is_newer = self.sequence.is_some_and(|sequence| sequence > assignment.target);
                if is_newer && !job.is_downgrade {
                    barriers.push(Barrier::Newer(version.clone()));
                }
            }
        }
        barriers
    }

    /// What is about the device at this moment.
    fn of_device(&self, assignment: &Assignment) -> Vec<Barrier> {
        let record = &assignment.record;
        let mut barriers = Vec::new();
        if let Some(live) = self.live().filter(|live| live.job.job != assignment.job.job) {
            barriers.push(Barrier::Busy(live.job.job.clone()));
        }
        if record.task.backing_off {
            barriers.push(Barrier::BacksOff(record.deadline.unwrap_or(self.now)));
        }
        // One that never informed a version is made ready when it does.
        let is_out_of_reach = record.ready_until <= self.now && self.device.version.is_some();
        if assignment.job.mode == Mode::Push && is_out_of_reach {
            barriers.push(match record.ready_until {
                0 => Barrier::Unheard,
                _ => Barrier::Unreachable(self.device.heard_at, assignment.job.terms.reachable_within),
            });
        }
        barriers
    }

    /// What is about the job at this moment, for a task without a slot.
    fn of_job(&self, assignment: &Assignment) -> Vec<Barrier> {
        let (task, job) = (&assignment.record.task, &assignment.job);
        let mut barriers = Vec::new();
        if let Some(opens_at) = job.schedule.opens_at(self.now) {
            barriers.push(Barrier::Closed(opens_at));
        }
        if assignment.record.stage > job.stage {
            barriers.push(Barrier::Stage(assignment.record.stage, job.stage));
        }
        let counters = &job.counters;
        if !task.exposed && !job.terms.budget.has_slot(counters.exposed, counters.succeeded) {
            barriers.push(Barrier::NoSlot(counters.exposed, job.bound()));
        }
        if counters.in_flight >= job.terms.max_in_flight {
            barriers.push(Barrier::Full(counters.in_flight, job.terms.max_in_flight));
        }
        if job.terms.per_minute > 0 && job.paced_until > self.now + PACE_SLACK {
            barriers.push(Barrier::Paced(job.paced_until - PACE_SLACK));
        }
        barriers
    }
}

impl Assignment {
    /// Which job goes first: verification before upgrades, then the oldest.
    pub(crate) fn rank(&self) -> (bool, i64, &str) {
        (self.job.kind != Kind::Verify, self.job.created_at, &self.job.job)
    }
}

/// How far ahead of its pace a job may grant (ms), so that a sweep a second can keep it up.
pub(crate) const PACE_SLACK: i64 = 1000;
