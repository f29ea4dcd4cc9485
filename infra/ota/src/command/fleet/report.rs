//! How a run reads afterwards: a table, sentences, one JSON object, and whether it ended as its cast says.

use serde_json::{Map, Value, json};

use super::course::{Ending, Seen, tenths};
use super::plan::{NEW, Plan};
use super::sums::{Sum, Sums};
use crate::api::Job;
use crate::failure::{Failure, Kind};
use crate::fleet::Fault;
use crate::present::{Table, count, growing, printable, size};

/// Devices out of their part that are named one by one.
const NAMED: usize = 3;

/// The end of a run.
pub(super) struct Report<'a> {
    plan: &'a Plan,
    seen: Seen,
    sums: Sums,
}

impl<'a> Report<'a> {
    pub(super) fn new(plan: &'a Plan, seen: Seen) -> Self {
        let sums = Sums::of(plan, &seen.tasks);
        Self { plan, seen, sums }
    }

    /// The job's own fields, and beside them those of the run, on one line.
    pub(super) fn json(&self) -> String {
        let mut fields: Map<String, Value> = serde_json::from_str(&self.seen.job.line()).unwrap_or_default();
        let sums = self.sums.parts.iter();
        let faults: Map<String, Value> =
            sums.map(|(kind, sum)| (word(*kind).to_owned(), json!(sum))).collect();
        let seconds = |time: std::time::Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
        let times = self.seen.times;
        let run = json!({
            "seed": self.plan.seed,
            "seconds": seconds(times.whole),
            "seconds_to_register": seconds(times.registered),
            "seconds_of_the_job": seconds(times.job),
            "ending": self.ending(),
            "waits": self.seen.waits,
            "as_cast": self.verdict().is_ok(),
            "lost": self.job().lost(),
            "most_exposed": self.seen.most_exposed,
            "faults": faults,
            "received_bytes": self.seen.fleet.received,
            "resumed_downloads": self.seen.fleet.resumed,
        });
        if let Value::Object(run) = run {
            fields.extend(run);
        }
        Value::Object(fields).to_string()
    }

    pub(super) fn human(&self) -> String {
        format!("\n{}\n{}", self.table(), self.sentences())
    }

    /// A failure when the budget did not hold, or the run ended otherwise than the cast says.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let job = self.job();
        if let Some(over) = self.seen.overrun {
            return Err(Failure::new(
                Kind::BudgetBroken,
                format!(
                    "the budget did not hold: {} exposed, where {} were allowed",
                    over.exposed, over.bound
                ),
                "this must never happen: please report it, with the line of the seed",
            ));
        }
        match self.seen.ending {
            Ending::Over if matches!(job.state.as_str(), "done" | "held") => self.all_in_part(),
            Ending::Over => Err(Failure::new(
                Kind::JobNotClean,
                format!("the job was {} before its end", job.state),
                "somebody else acted on it; `ota fleet` never does before the end",
            )),
            // Whoever is silent for good is waited for, when it is to be tried again.
            Ending::StandsStill if self.sums.unfinished == 0 => self.all_in_part(),
            Ending::StandsStill | Ending::OutOfTime => Err(Failure::new(
                Kind::OutOfTime,
                self.how_far(),
                match self.seen.ending {
                    Ending::StandsStill => {
                        "more time changes nothing: the job waits for what does not happen"
                    }
                    Ending::Over | Ending::OutOfTime => "--duration gives it longer",
                },
            )),
        }
    }

    fn all_in_part(&self) -> Result<(), Failure> {
        let wrong = &self.sums.out_of_part;
        if wrong.is_empty() {
            return Ok(());
        }
        let named = wrong.iter().take(NAMED).map(|text| printable(text)).collect::<Vec<_>>().join("; ");
        let more = wrong.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        let devices = count(wrong.len() as u64, "device");
        Err(Failure::new(
            Kind::JobNotClean,
            format!("{devices} ended otherwise than cast: {named}{more}"),
            "on a machine under heavy load a sound device may time out: give --upgrade-timeout more, \
             or take fewer --devices; else this is a bug",
        ))
    }

    /// `the job stands still: 17 of 20 done; device-04 waits: …`.
    fn how_far(&self) -> String {
        let job = self.job();
        let waits = self.seen.waits.as_deref();
        let waits = waits.map_or_else(String::new, |waits| format!("; {}", printable(waits)));
        format!("{}: {} of {} done{waits}", self.why_not_over(), job.finished(), job.devices)
    }

    fn job(&self) -> &Job {
        &self.seen.job.value
    }

    fn table(&self) -> String {
        type Column = (&'static str, fn(&Sum) -> u64);
        let columns: [Column; 9] = [
            ("DEVICES", |sum| sum.devices),
            ("SUCCEEDED", |sum| sum.succeeded),
            ("FAILED", |sum| sum.failed),
            ("TIMED OUT", |sum| sum.timed_out),
            ("CANCELED", |sum| sum.canceled),
            ("SKIPPED", |sum| sum.skipped),
            ("IN FLIGHT", |sum| sum.in_flight),
            ("WAITING", |sum| sum.waiting),
            ("LOST", |sum| sum.lost),
        ];
        let parts = &self.sums.parts;
        let is_told = |(name, number): &Column| {
            ["DEVICES", "SUCCEEDED", "LOST"].contains(name) || parts.iter().any(|(_, sum)| number(sum) > 0)
        };
        let columns: Vec<Column> = columns.into_iter().filter(is_told).collect();
        let mut header = vec!["PART"];
        header.extend(columns.iter().map(|(name, _)| *name));
        header.push("WHAT THEY DO");
        let mut table = Table::new(&header);
        for (kind, sum) in parts {
            let numbers = columns.iter().map(|(_, number)| number(sum).to_string());
            let mut cells = vec![word(*kind).to_owned()];
            cells.extend(numbers);
            cells.push(kind.map_or("nothing wrong", Fault::deed).to_owned());
            table.add(&cells);
        }
        table.render()
    }

    fn sentences(&self) -> String {
        let (job, seen) = (self.job(), &self.seen);
        let fleet = seen.fleet;
        let resumed = match fleet.resumed {
            0 => String::new(),
            number => format!(", {} resumed", count(number, "download")),
        };
        let lines = [
            format!(
                "On {NEW} after {}: {} of {}; {} of firmware received{resumed}.",
                tenths(seen.times.job),
                job.succeeded,
                count(job.devices, "device"),
                size(fleet.received),
            ),
            format!(
                "No more than {} were seen exposed at once: the budget is {}.",
                seen.most_exposed,
                growing(job.loss_budget, job.growth),
            ),
            format!("--seed {} repeats the run.", self.plan.seed),
            format!(
                "{} {} of {}, the budget was {}; {}.",
                self.toll(),
                job.lost(),
                job.devices,
                job.bound,
                self.end()
            ),
        ];
        lines.join("\n")
    }

    /// What a firmware that lets nobody come back did.
    fn toll(&self) -> &'static str {
        let kinds: Vec<_> = self.sums.parts.iter().map(|(kind, _)| *kind).collect();
        match kinds[..] {
            [Some(Fault::Brick)] => "It bricked everything that took it: lost",
            _ => "Lost",
        }
    }

    fn end(&self) -> String {
        let job = self.job();
        let because = job.held_because.as_deref().map(printable);
        match (self.seen.ending, job.state.as_str(), because) {
            (Ending::Over, "held", Some(because)) => format!("the job held itself: {because}"),
            (Ending::Over, state, _) => format!("the job is {state}"),
            (Ending::StandsStill | Ending::OutOfTime, ..) => self.why_not_over().to_owned(),
        }
    }

    fn why_not_over(&self) -> &'static str {
        match self.seen.ending {
            Ending::StandsStill if self.sums.unfinished == 0 => {
                "the job waits for devices that are silent for good"
            }
            Ending::StandsStill => "the job stands still",
            Ending::Over | Ending::OutOfTime => "the job was not over in time",
        }
    }

    fn ending(&self) -> &'static str {
        match self.seen.ending {
            Ending::Over => "over",
            Ending::StandsStill => "stands_still",
            Ending::OutOfTime => "out_of_time",
        }
    }
}

fn word(kind: Option<Fault>) -> &'static str {
    kind.map_or("sound", Fault::word)
}
