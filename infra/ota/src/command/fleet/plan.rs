//! A run before it begins: a pure function of the command line and the seed.

use std::time::Duration;

use crate::api::NewJob;
use crate::fleet::{Arrival, Fault, Faults, Line, Pace, Random};
use crate::present::count;

use super::terms::Terms;

/// The version that all devices leave.
pub(super) const OLD: &str = "1.0";
/// The version that they should come back on.
pub(super) const NEW: &str = "2.0";

/// Who comes in when, what goes wrong with whom, and what is put to them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) arrival: Arrival,
    /// Bytes of firmware.
    pub(super) size: usize,
    /// Bytes per second.
    pub(super) link: Option<u64>,
    pub(super) terms: Terms,
    cast: Vec<Option<Fault>>,
    arrivals: Vec<Duration>,
}

/// A device of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) device: String,
    pub(super) fault: Option<Fault>,
    /// From the start of the fleet on.
    pub(super) arrives: Duration,
}

impl Plan {
    pub(super) fn new(
        devices: usize,
        faults: &Faults,
        arrival: Arrival,
        seed: u64,
        (size, link): (usize, Option<u64>),
        terms: Terms,
    ) -> Self {
        let (cast, arrivals) = (faults.cast(devices, seed), arrival.times(devices, seed));
        Self { seed, arrival, size, link, terms, cast, arrivals }
    }

    pub(super) fn devices(&self) -> usize {
        self.cast.len()
    }

    /// The devices in the order of their names.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let width = self.devices().to_string().len().max(2);
        let parts = self.cast.iter().zip(&self.arrivals).enumerate();
        parts.map(move |(index, (fault, arrives))| Part {
            device: format!("device-{:0width$}", index + 1),
            fault: *fault,
            arrives: *arrives,
        })
    }

    /// The kinds of parts that there are, the sound one first.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Option<Fault>> {
        let kinds = std::iter::once(None).chain(Fault::ALL.map(Some));
        kinds.filter(|kind| self.cast.contains(kind))
    }

    /// When the last device comes in.
    pub(super) fn last_arrival(&self) -> Duration {
        self.arrivals.iter().max().copied().unwrap_or_default()
    }

    pub(super) fn firmware(&self) -> Vec<u8> {
        Random::new(self.seed, "firmware").bytes(self.size)
    }

    pub(super) fn job(&self, product: &str) -> NewJob {
        self.terms.job(product, NEW, self.size, self.link)
    }

    pub(super) fn pace(&self) -> Pace {
        Pace {
            install: Duration::from_millis(300),
            restart: Duration::from_millis(100),
            line: Line { rate: self.link, slow: self.terms.slow(self.size, self.link) },
        }
    }

    /// How long nothing may happen before the job is taken to stand still.
    pub(super) fn patience(&self) -> Duration {
        self.terms.patience(self.size, self.link)
    }

    /// `4000 devices: 3900 sound, 80 brick, 20 rollback`.
    pub(super) fn told(&self) -> String {
        let devices = count(self.devices() as u64, "device");
        let kinds = self.kinds().map(|kind| {
            let number = self.cast.iter().filter(|part| **part == kind).count();
            format!("{number} {}", kind.map_or("sound", Fault::word))
        });
        format!("{devices}: {}", kinds.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        terms: Terms,
    }

    /// A plan with the terms of an empty command line.
    pub(in crate::command::fleet) fn plan(devices: usize, faults: &str, arrival: &str, seed: u64) -> Plan {
        let terms = Line::parse_from(["fleet"]).terms;
        let (faults, arrival) = (faults.parse().unwrap(), arrival.parse().unwrap());
        Plan::new(devices, &faults, arrival, seed, (100_003, None), terms)
    }

    #[test]
    fn a_seed_repeats_cast_arrivals_and_bytes() {
        let whole = |seed| {
            let plan = plan(200, "brick=0.1,slow=0.1", "poisson:10", seed);
            (plan.parts().collect::<Vec<_>>(), plan.firmware())
        };
        assert_eq!(whole(7), whole(7));
        assert_ne!(whole(7).0, whole(8).0);
        assert_ne!(whole(7).1, whole(8).1);
    }

    #[test]
    fn a_plan_is_told_in_one_line() {
        let told = |faults| plan(200, faults, "all", 7).told();
        assert_eq!(told(""), "200 devices: 200 sound");
        assert_eq!(told("brick=1"), "200 devices: 200 brick");
        assert_eq!(told("flap=0.1,brick=0.05"), "200 devices: 170 sound, 10 brick, 20 flap");
    }

    #[test]
    fn names_sort_as_numbers_do() {
        let names: Vec<_> = plan(120, "", "all", 7).parts().map(|part| part.device).collect();
        assert_eq!(names.first().map(String::as_str), Some("device-001"));
        assert!(names.is_sorted());
    }
}
