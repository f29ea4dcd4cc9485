//! `ota fleet`: many simulated devices against a gateway, one job for all of them, and what became of each.
//! What goes wrong with whom is drawn from a seed, so it is known how the run must end, and that is checked.

mod amount;
mod course;
mod fate;
mod ground;
mod plan;
mod registration;
mod report;
mod sums;
mod terms;
mod view;

pub(crate) use fate::Fate;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::Connect;
use super::job::times::seconds;
use crate::failure::{Failure, Kind};
use crate::fleet::{Arrival, Faults};
use crate::gateway::{Interrupt, raise_limit};
use crate::present::Output;

use course::Course;
use ground::Ground;
use plan::Plan;
use report::Report;
use terms::Terms;

/// How long a run may take by default, once its last device has arrived.
const PATIENCE: Duration = Duration::from_mins(15);

/// The faults, as `--help` prints them.
const FAULTS: &str = "\
Faults, and how a device with one ends:
  brick          has the firmware, and is never heard again           times out, lost
  rollback       installs, does not come up, goes back                fails, lost
  bad-digest     a byte of its download flips                         fails, lost
  download-fail  gives up half-way through the download               fails, lost
  wrong-version  comes back on a version that nobody asked for        fails, lost
  ignores        takes the command and does nothing about it          times out, not lost
  refuses        answers the command with step -5                     fails, not lost
  flap           loses its connections half-way, fetches the rest     succeeds
  slow           downloads for half of the time it has                succeeds
  cached         flashes bytes that it kept, without a download       succeeds

Without --mqtt, --url and --token it starts a gateway of its own in a temporary folder.
On a gateway that is given it registers a product of its own, fleet-SEED, which stays there.
It exits with 0 when every device that was told ended as its part says, within the budget, and
the job is done or held itself; `ota --help` lists the other codes.";

/// Registers a product with its devices and a firmware, and rolls that out to them.
#[derive(Debug, Args)]
#[command(after_help = FAULTS)]
pub(crate) struct Fleet {
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    devices: u32,
    /// What goes wrong with which share of them, such as brick=0.02,flap=0.1
    #[arg(long, value_name = "NAME=RATE,…", default_value = "", hide_default_value = true)]
    faults: Faults,
    /// When they come in: `all`, `ramp:SECONDS` or `poisson:PER_SECOND`; with the latter two the job is there first
    #[arg(long, value_name = "PATTERN", default_value = "all")]
    arrival: Arrival,
    /// How fast each downloads, in bytes per second (k, M: powers of 1024) [default: as fast as it goes]
    #[arg(long, value_name = "BYTES", value_parser = amount::parse)]
    link: Option<u64>,
    /// Bytes of firmware (k, M: powers of 1024)
    #[arg(long, value_name = "BYTES", default_value = "100000", value_parser = amount::parse_firmware)]
    size: usize,
    /// Repeats a run: who has which fault, who comes when, and every byte [default: another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The longest the run may take [default: 15m after the last arrival]
    #[arg(long, value_name = "SPAN", value_parser = seconds)]
    duration: Option<u32>,
    /// Where devices connect [default: port 1883 of the gateway's host]
    #[arg(long, value_name = "ADDR", env = "OTA_MQTT")]
    mqtt: Option<String>,
    /// The Spin application of a gateway of its own
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    /// Take the components as they are
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    terms: Terms,
}

impl Fleet {
    pub(super) fn run(self, connect: &Connect, output: Output) -> Result<(), Failure> {
        super::serve(async move {
            let mut interrupt = Interrupt::catch()?;
            let plan = self.plan()?;
            let within =
                self.duration.map_or(plan.last_arrival() + PATIENCE, |span| Duration::from_secs(span.into()));
            let ground = tokio::select! {
                ground = self.ground(connect) => ground?,
                () = interrupt.wait() => return Err(interrupted()),
            };
            let course = Course::new(&ground, &plan, within);
            let outcome = tokio::select! {
                outcome = course.run() => outcome,
                () = interrupt.wait() => {
                    course.abandon().await;
                    Err(interrupted())
                }
            };
            ground.leave().await;
            let report = Report::new(&plan, outcome?);
            output.result(&report.json(), || report.human())?;
            report.verdict()
        })
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => random_seed().map_err(|error| Failure::local(&error, "give one with --seed"))?,
        };
        let (devices, file) = (self.devices as usize, (self.size, self.link));
        Ok(Plan::new(devices, &self.faults, self.arrival, seed, file, self.terms.clone()))
    }

    async fn ground(&self, connect: &Connect) -> Result<Ground, Failure> {
        let is_given = self.mqtt.is_some() || connect.is_given();
        self.check_open_files(is_given)?;
        if is_given {
            Ground::given(connect, self.mqtt.as_deref()).await
        } else {
            Ground::own(&self.manifest, !self.no_build).await
        }
    }

    /// Each device is an open file, and with a gateway of its own two.
    fn check_open_files(&self, is_given: bool) -> Result<(), Failure> {
        let devices = u64::from(self.devices);
        let needed = if is_given { devices + 800 } else { devices * 2 + 1600 };
        match raise_limit() {
            Some(limit) if limit < needed => Err(Failure::new(
                Kind::Local,
                format!("{devices} devices need {needed} open files, and this system allows {limit}"),
                "raise the hard limit (`ulimit -Hn`), or take fewer --devices",
            )),
            Some(_) | None => Ok(()),
        }
    }
}

fn interrupted() -> Failure {
    Failure::new(
        Kind::Interrupted,
        "interrupted; the simulated devices are gone",
        "what was registered on a gateway that was given stays there",
    )
}

/// Short enough to type.
fn random_seed() -> anyhow::Result<u64> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(anyhow::Error::new).context("no randomness for a seed")?;
    Ok(u64::from(u32::from_le_bytes(bytes)) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::FAULTS;
    use super::fate::Fate;
    use crate::fleet::Fault;

    #[test]
    fn the_help_text_names_every_fault_and_its_fate() {
        for fault in Fault::ALL {
            let line = FAULTS.lines().find(|line| line.starts_with(&format!("  {fault} "))).unwrap();
            let fate = match Fate::of(Some(fault)) {
                Fate::Succeeds => "succeeds",
                Fate::Fails => "fails, ",
                Fate::TimesOut => "times out, ",
            };
            assert!(line.contains(fate), "{line}");
        }
    }
}
