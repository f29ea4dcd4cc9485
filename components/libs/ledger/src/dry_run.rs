//! What a job would do, without doing it: how many devices, in which order, what would be refused and why, and about
//! how long.
//!
//! It runs the very checks that create a job, in transactions that are taken back. A large fleet is read in parts, a
//! transaction each, so that nobody who writes waits for it; so the counts of a fleet that moves meanwhile are not of
//! one moment.

mod estimate;
mod part;

use ota_rollout::forecast::Forecast;

use self::estimate::Pace;
use self::part::{Part, Standing};
use crate::decide::FOR_EVER;
use crate::job::{NewJob, NotCreated};
use crate::transaction::End;
use crate::{Ledger, SqlError};

/// What a job would do.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Devices in its scope: the tasks that it would have.
    pub devices: i64,
    /// Those that have nothing to do.
    pub skipped: i64,
    /// Those that would wait for a grant.
    pub waiting: i64,
    /// Those of them that never informed a version: they wait until they do.
    pub never_informed: i64,
    /// Those of them that count as reachable now.
    pub reachable_now: i64,
    /// What would not be granted now, whatever the budget, and why.
    pub refused: Vec<Refused>,
    /// The first that the sweep would grant, at most 20, in its order: by stage; in each those that are connected, then
    /// those that were heard last.
    pub first: Vec<String>,
    /// How many devices each stage has; one for a job without stages.
    pub stages: Vec<i64>,
    /// How many devices may be exposed when it starts.
    pub bound_at_start: i64,
    /// When it would first grant (ms), if not at once.
    pub opens_at: Option<i64>,
    /// How long it takes (ms) when every device is reachable and comes back; `None` when none would be told.
    pub estimate: Option<Forecast>,
    /// How long one device is taken to need (ms).
    pub per_device: i64,
    /// How many finished upgrades of the product that is the median of; 0: it is assumed.
    pub samples: usize,
}

/// Devices that would not be granted now, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: &'static str,
    /// How many.
    pub devices: i64,
    /// Some of them, at most 5.
    pub examples: Vec<String>,
}

/// The most devices that [`DryRun::first`] names.
const MOST_FIRST: usize = 20;
/// The most devices that [`Refused::examples`] names.
const MOST_EXAMPLES: usize = 5;

impl Ledger<'_> {
    /// What [`Ledger::create_job`] would do, and refuse, now. It writes nothing.
    pub fn dry_run(&self, new: &NewJob) -> Result<DryRun, NotCreated> {
        let mut tally = Tally::new(new);
        let mut part = self.part_before(new, part::END)?;
        loop {
            self.transaction(|| match self.insert(new) {
                Ok(()) => Ok(End::Rollback(Ok(self.count_part(new, &part, &mut tally)?))),
                Err(NotCreated::Ledger(error)) => Err(error),
                Err(why) => Ok(End::Rollback(Err(why))),
            })??;
            if part.is_last {
                break;
            }
            part = self.part_before(new, &part.from)?;
        }
        let pace = self.pace_of(&new.product)?;
        Ok(tally.conclude(new, part.now, &pace))
    }

    /// Counts one part of the fleet, and keeps what it has of examples.
    fn count_part(&self, new: &NewJob, part: &Part, tally: &mut Tally) -> Result<(), SqlError> {
        for (standing, is_reachable, stage, count) in self.standings(new, part)? {
            tally.add(standing, is_reachable, stage, count);
        }
        tally.at_work.devices += self.count_at_work(new, part)?;
        for refused in tally.groups.iter_mut().chain([&mut tally.at_work]) {
            let missing = MOST_EXAMPLES.saturating_sub(refused.examples.len());
            if missing > 0 && refused.devices > i64::try_from(refused.examples.len()).unwrap_or(i64::MAX) {
                refused.examples.extend(self.examples(new, part, refused.group, missing)?);
            }
        }
        if tally.has_first() {
            return Ok(());
        }
        tally.first.extend(self.first_of(new, part)?);
        tally.first.sort_by(|one, other| {
            (one.stage, other.ready_until, &other.device).cmp(&(other.stage, one.ready_until, &one.device))
        });
        tally.first.truncate(MOST_FIRST);
        Ok(())
    }
}

/// Why a device would not be granted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// As its version stands to the job.
    Stands(Standing),
    /// It is not reachable.
    Unreachable,
    /// It is at work for another job.
    AtWork,
}

/// One group, on its way.
struct Counted {
    group: Group,
    devices: i64,
    examples: Vec<String>,
}

/// A device that would be granted.
struct First {
    stage: i64,
    ready_until: i64,
    device: String,
}

/// What was counted so far.
struct Tally {
    devices: i64,
    skipped: i64,
    reachable_now: i64,
    /// Devices of each stage, and how many of them would be told.
    stages: Vec<(i64, i64)>,
    groups: Vec<Counted>,
    at_work: Counted,
    first: Vec<First>,
}

impl Tally {
    fn new(new: &NewJob) -> Self {
        let counted = |group| Counted { group, devices: 0, examples: Vec::new() };
        let groups = [
            Group::Stands(Standing::There),
            Group::Stands(Standing::Newer),
            Group::Stands(Standing::Unknown),
            Group::Stands(Standing::NeverInformed),
            Group::Unreachable,
        ];
        Self {
            devices: 0,
            skipped: 0,
            reachable_now: 0,
            stages: vec![(0, 0); new.stage_rows().len()],
            groups: groups.map(counted).into(),
            at_work: counted(Group::AtWork),
            first: Vec::new(),
        }
    }

    fn add(&mut self, standing: Standing, is_reachable: bool, stage: usize, count: i64) {
        self.devices += count;
        let is_skipped = matches!(standing, Standing::There | Standing::Newer);
        self.skipped += if is_skipped { count } else { 0 };
        let is_told = matches!(standing, Standing::Free | Standing::NeverInformed);
        if let Some((members, told)) = self.stages.get_mut(stage) {
            *members += count;
            *told += if is_told { count } else { 0 };
        }
        let group = match standing {
            Standing::Free if is_reachable => {
                self.reachable_now += count;
                return;
            }
            Standing::Free => Group::Unreachable,
            other => Group::Stands(other),
        };
        if let Some(counted) = self.groups.iter_mut().find(|counted| counted.group == group) {
            counted.devices += count;
        }
    }

    /// Whether no part that is yet to be read has a device that would be granted before those that are known.
    fn has_first(&self) -> bool {
        let is_foremost = |first: &First| first.stage == 0 && first.ready_until == FOR_EVER;
        self.first.len() == MOST_FIRST && self.first.iter().all(is_foremost)
    }

    fn conclude(self, new: &NewJob, now: i64, pace: &Pace) -> DryRun {
        let told: Vec<i64> = self.stages.iter().map(|(_, told)| *told).collect();
        let never =
            self.groups.iter().find(|counted| counted.group == Group::Stands(Standing::NeverInformed));
        let never_informed = never.map_or(0, |counted| counted.devices);
        let groups = self.groups.into_iter().chain([self.at_work]);
        // A device that asks is reachable.
        let is_push = new.mode == ota_rollout::Mode::Push;
        let counts =
            |counted: &Counted| counted.devices > 0 && (is_push || counted.group != Group::Unreachable);
        DryRun {
            devices: self.devices,
            skipped: self.skipped,
            waiting: self.devices - self.skipped,
            never_informed,
            reachable_now: self.reachable_now,
            refused: groups.filter(counts).map(Refused::from).collect(),
            first: if is_push {
                self.first.into_iter().map(|first| first.device).collect()
            } else {
                Vec::new()
            },
            stages: self.stages.iter().map(|(members, _)| *members).collect(),
            bound_at_start: new.terms.budget.bound(0),
            opens_at: new.schedule.opens_at(now),
            estimate: estimate::estimate(new, &told, pace.per_device),
            per_device: pace.per_device,
            samples: pace.samples,
        }
    }
}

impl From<Counted> for Refused {
    fn from(counted: Counted) -> Self {
        let why = match counted.group {
            Group::Stands(Standing::There) => "the device runs the target already",
            Group::Stands(Standing::Newer) => {
                "the device runs a newer version than the target, and the job does not downgrade"
            }
            Group::Stands(Standing::Unknown) => {
                "the version of the device is not registered, and the product refuses such devices"
            }
            Group::Stands(Standing::NeverInformed) => "the device never informed a version",
            Group::Stands(Standing::Free) => "nothing stands in the way of the device",
            Group::Unreachable => "the device is not reachable now",
            Group::AtWork => "the device is at work for another job",
        };
        Self { why, devices: counted.devices, examples: counted.examples }
    }
}
