//! What the demo showed: who came back, who was lost and why, and whether each played its part.

use std::time::Duration;

use ota_rollout::{Terms, gate};
use serde_json::{Map, Value, json};

use super::cast::{Cast, NEW, Part};
use super::stage::Shown;
use crate::api::Task;
use crate::command::fleet::Fate;
use crate::failure::{Failure, Kind};
use crate::fleet::Fault;
use crate::present::{Table, count, growing};

/// The end of a demo.
pub(super) struct Report<'a> {
    shown: Shown,
    cast: &'a Cast,
    took: Duration,
}

impl<'a> Report<'a> {
    pub(super) fn new(shown: Shown, cast: &'a Cast, took: Duration) -> Self {
        Self { shown, cast, took }
    }

    /// The job's fields and `seconds`, on one line.
    pub(super) fn json(&self) -> String {
        let mut job: Map<String, Value> = serde_json::from_str(&self.shown.job.line()).unwrap_or_default();
        job.insert("seconds".to_owned(), json!(self.tenths_of_seconds()));
        Value::Object(job).to_string()
    }

    pub(super) fn human(&self) -> String {
        format!("{}\n{}\n{}", self.came_back(), self.lost(), self.summary())
    }

    /// A failure when a device ended otherwise than its part was, or the budget did not hold.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let wrong = self.cast.parts.iter().find_map(|part| self.out_of_part(part));
        let broken = wrong.or_else(|| {
            let job = &self.shown.job.value;
            (job.exposed > job.bound).then(|| format!("{}: the budget did not hold", job.budget()))
        });
        match broken {
            None => Ok(()),
            Some(what) => Err(Failure::new(
                Kind::JobNotClean,
                format!("the demo did not go as it should: {what}"),
                "on a machine under heavy load a sound device may time out; else this is a bug",
            )),
        }
    }

    fn out_of_part(&self, part: &Part) -> Option<String> {
        let Some(task) = self.task(part) else {
            return Some(format!("{} has no task", part.device));
        };
        let expected = Fate::of(part.fault).state();
        let why = task.why();
        let why = if why.is_empty() { why } else { format!(" ({why})") };
        let found = task.state.replace('_', " ");
        (task.state != expected)
            .then(|| format!("{} should be {}, and is {found}{why}", part.device, expected.replace('_', " ")))
    }

    fn task(&self, part: &Part) -> Option<&Task> {
        self.shown.tasks.iter().find(|task| task.device == part.device)
    }

    /// `succeeded  17  device-01 to device-05, device-07`.
    fn came_back(&self) -> String {
        let came_back = |part: &&Part| self.task(part).is_some_and(|task| task.state == "succeeded");
        let total = self.cast.parts.iter().filter(came_back).count();
        let runs = self.cast.parts.chunk_by(|a, b| came_back(&a) == came_back(&b));
        let names = runs.filter(|run| run.first().is_some_and(|part| came_back(&part)));
        let names: Vec<String> = names.map(span).collect();
        format!("succeeded  {total}  {}\n", names.join(", "))
    }

    fn lost(&self) -> String {
        let mut table = Table::new(&["LOST", "HOW", "WHAT IT DID", "ITS LAST WORDS"]);
        for part in &self.cast.parts {
            let Some(task) = self.task(part).filter(|task| task.state != "succeeded") else {
                continue;
            };
            let did = part.fault.map_or("nothing wrong", Fault::deed);
            let said = task.detail.clone().unwrap_or_default();
            table.row([part.device.clone(), task.how(), did.to_owned(), said]);
        }
        if table.is_empty() { "nobody was lost\n".to_owned() } else { table.render() }
    }

    fn summary(&self) -> String {
        let job = &self.shown.job.value;
        let saved = match job.devices {
            all if all > job.loss_budget => format!(
                "Had this firmware bricked every device that took it, it would have cost {} of {all}.\n",
                job.loss_budget
            ),
            _ => String::new(),
        };
        let lost = i64::try_from(job.lost()).unwrap_or(i64::MAX);
        let succeeded = i64::try_from(job.succeeded).unwrap_or(i64::MAX);
        let is_shut = gate::is_shut(lost, succeeded, Terms::DEFAULT.max_failure_rate);
        let held = is_shut.then(|| {
            format!(
                "This job bore a failure rate of {}; at the default of 5 % it would have held itself.\n",
                job.max_failure_rate
            )
        });
        let held = held.unwrap_or_default();
        format!(
            "On {NEW} after {} s: {} of {}; {} lost, where the budget allowed {}.\n\
             No more than {} were seen exposed at once: the budget is {}.\n{saved}{held}",
            self.tenths_of_seconds(),
            job.succeeded,
            count(job.devices, "device"),
            job.lost(),
            job.bound,
            self.shown.most_exposed,
            growing(job.loss_budget, job.growth),
        )
    }

    fn tenths_of_seconds(&self) -> f64 {
        (self.took.as_secs_f64() * 10.0).round() / 10.0
    }
}

/// The names of neighbours: `device-01`, or `device-01 to device-05`.
fn span(run: &[Part]) -> String {
    match run {
        [] => String::new(),
        [only] => only.device.clone(),
        [first, .., last] => format!("{} to {}", first.device, last.device),
    }
}
