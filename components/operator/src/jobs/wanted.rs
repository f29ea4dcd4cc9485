//! A job as operators write it, and whether it can be one. Durations are seconds, shares per cent.

use ota_ledger::job::NewJob;
use ota_ledger::scope::Scope;
use ota_platform::Refusal;
use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::stage::BadStage;
use ota_rollout::window::Window;
use ota_rollout::{Kind, Mode, Schedule, Stage, Stages};
use serde::Deserialize;

use super::percent::Percent;
use super::show::{INCREMENTAL, SNAPSHOT};
use super::terms::{Amendment, WantedRetry};
use crate::devices::tag;
use crate::params::{device_key, quoted, within};
use crate::route::product_key;

/// The most devices or versions that a job may name one by one.
const MOST_NAMED: usize = 10_000;
/// The most tags that a job may ask for.
const MOST_TAGS: usize = 64;
/// The longest name of a time zone.
const LONGEST_ZONE: usize = 64;
/// The latest start (ms): the year 2100. What lies behind it is a mistake of units.
const LATEST_START: i64 = 4_102_444_800_000;
/// The share of its members that lets a stage pass which says nothing (per mille).
const PASS: i64 = 500;

/// A job to be created.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    product: String,
    to: String,
    kind: Option<String>,
    mode: Option<String>,
    policy: Option<String>,
    downgrade: Option<bool>,
    from: Option<Vec<String>>,
    devices: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    canary: Option<Vec<String>>,
    canary_soak: Option<i64>,
    stages: Option<Vec<WantedStage>>,
    loss_budget: Option<i64>,
    growth: Option<i64>,
    max_failure_rate: Option<Percent>,
    max_in_flight: Option<i64>,
    per_minute: Option<i64>,
    retry: Option<WantedRetry>,
    first_sign_within: Option<i64>,
    upgrade_timeout: Option<i64>,
    confirm_within: Option<i64>,
    reachable_within: Option<i64>,
    starts_at: Option<i64>,
    zone: Option<String>,
    windows: Option<Vec<String>>,
    exposed: Option<i64>,
}

/// A stage.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedStage {
    share: Percent,
    soak: Option<i64>,
    pass: Option<Percent>,
}

impl Wanted {
    /// The job that is wanted, under this id.
    pub(super) fn parse(self, id: String) -> Result<NewJob, Refusal> {
        let (product, to) = (product_key(&self.product)?, version(&self.to)?);
        let kind = self.kind.as_deref().unwrap_or(Kind::Upgrade.as_str());
        let mode = self.mode.as_deref().unwrap_or(Mode::Push.as_str());
        let policy = self.policy.as_deref().unwrap_or(SNAPSHOT);
        let canary = named("canary", self.canary.as_deref(), MOST_NAMED, device_key)?;
        Ok(NewJob {
            kind: Kind::parse(kind).ok_or_else(|| no_word("kind", kind, "upgrade or verify"))?,
            mode: Mode::parse(mode).ok_or_else(|| no_word("mode", mode, "push or request"))?,
            is_incremental: match policy {
                SNAPSHOT => false,
                INCREMENTAL => true,
                other => return Err(no_word("policy", other, "snapshot or incremental")),
            },
            is_downgrade: self.downgrade.unwrap_or(false),
            scope: self.scope()?,
            canary_soak: self.canary_soak(&canary)?,
            canary,
            stages: self.stages()?,
            schedule: self.schedule()?,
            exposed_elsewhere: within("exposed", self.exposed.unwrap_or(0), 0, i64::MAX)?,
            terms: self.amendment().terms()?,
            ..NewJob::new(id, product, to)
        })
    }

    fn amendment(self) -> Amendment {
        Amendment {
            loss_budget: self.loss_budget,
            growth: self.growth,
            max_failure_rate: self.max_failure_rate,
            max_in_flight: self.max_in_flight,
            per_minute: self.per_minute,
            retry: self.retry,
            first_sign_within: self.first_sign_within,
            upgrade_timeout: self.upgrade_timeout,
            confirm_within: self.confirm_within,
            reachable_within: self.reachable_within,
        }
    }

    fn scope(&self) -> Result<Scope, Refusal> {
        Ok(Scope {
            devices: named("devices", self.devices.as_deref(), MOST_NAMED, device_key)?,
            from: named("from", self.from.as_deref(), MOST_NAMED, version)?,
            tags: named("tags", self.tags.as_deref(), MOST_TAGS, tag)?,
            exclude: named("exclude", self.exclude.as_deref(), MOST_NAMED, device_key)?,
        })
    }

    fn canary_soak(&self, canary: &[DeviceKey]) -> Result<i64, Refusal> {
        match self.canary_soak {
            Some(_) if canary.is_empty() => {
                Err(Refusal::bad_request("canary_soak is given, and canary names nobody"))
            }
            soak => soaked("canary_soak", soak),
        }
    }

    fn stages(&self) -> Result<Vec<Stage>, Refusal> {
        let wanted = self.stages.as_deref().unwrap_or_default();
        let stages = wanted.iter().enumerate().map(|(number, wanted)| wanted.parse(number));
        let stages = Stages::check(stages.collect::<Result<_, _>>()?).map_err(|error| bad_stages(&error))?;
        Ok(stages.list().to_vec())
    }

    fn schedule(&self) -> Result<Schedule, Refusal> {
        let starts_at = within("starts_at", self.starts_at.unwrap_or(0), 0, LATEST_START)?;
        let zone = self.zone.as_deref().unwrap_or("UTC");
        if zone.len() > LONGEST_ZONE {
            let message = format!("zone has {} bytes, must have at most {LONGEST_ZONE}", zone.len());
            return Err(Refusal::bad_request(message));
        }
        let texts = self.windows.as_deref().unwrap_or_default();
        if texts.len() > Schedule::MOST_WINDOWS {
            let (count, most) = (texts.len(), Schedule::MOST_WINDOWS);
            return Err(Refusal::bad_request(format!(
                "windows has {count} entries, must have at most {most}"
            )));
        }
        let window = |text: &String| {
            let bad = |why: &dyn std::fmt::Display| {
                Refusal::bad_request(format!("windows has {}: {why}", quoted(text)))
            };
            if text.len() > "00:00-00:00".len() {
                return Err(bad(&"must be two times of the day such as 22:00-04:00"));
            }
            Window::parse(text).map_err(|error| bad(&error))
        };
        let windows = texts.iter().map(window).collect::<Result<Vec<_>, _>>()?;
        if windows.is_empty() && self.zone.is_some() {
            return Err(Refusal::bad_request("zone is given, and there are no windows"));
        }
        Schedule::new(starts_at, zone, windows)
            .map_err(|error| Refusal::bad_request(format!("zone is {}: {error}", quoted(zone))))
    }
}

impl WantedStage {
    /// The stage, each of whose numbers is within its limits.
    fn parse(&self, number: usize) -> Result<Stage, Refusal> {
        let share = |field: &str, share: Percent| {
            if (1..=1000).contains(&share.per_mille()) {
                return Ok(share.per_mille());
            }
            let message = format!("stages[{number}].{field} is {share}, must be 0.1 to 100");
            Err(Refusal::bad_request(message))
        };
        Ok(Stage {
            share: share("share", self.share)?,
            soak: soaked(&format!("stages[{number}].soak"), self.soak)?,
            pass: share("pass", self.pass.unwrap_or(Percent::from_per_mille(PASS)))?,
        })
    }
}

/// Seconds of rest as milliseconds.
fn soaked(field: &str, seconds: Option<i64>) -> Result<i64, Refusal> {
    within(field, seconds.unwrap_or(0), 0, Stages::LONGEST_SOAK / 1000).map(|seconds| seconds * 1000)
}

/// The entries of a list. One that is given names somebody: an empty list would mean everybody.
fn named<T>(
    field: &str,
    texts: Option<&[String]>,
    most: usize,
    parse: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let Some(texts) = texts else { return Ok(Vec::new()) };
    let count = texts.len();
    if !(1..=most).contains(&count) {
        return Err(Refusal::bad_request(format!("{field} has {count} entries, must have 1 to {most}")));
    }
    texts.iter().map(|text| parse(text)).collect()
}

fn version(text: &str) -> Result<Version, Refusal> {
    Version::parse(text).map_err(|error| Refusal::bad_request(format!("version {}: {error}", quoted(text))))
}

fn no_word(field: &str, text: &str, words: &str) -> Refusal {
    Refusal::bad_request(format!("{field} is {}, must be {words}", quoted(text)))
}

/// Stages that do not follow on each other, in the units in which operators write.
fn bad_stages(error: &BadStage) -> Refusal {
    let percent = Percent::from_per_mille;
    Refusal::bad_request(match error {
        BadStage::TooMany(count) => {
            format!("stages has {count} entries, must have at most {}", Stages::MOST)
        }
        BadStage::Order { share, before } => {
            format!("stages: share {} follows on {}, must be above it", percent(*share), percent(*before))
        }
        BadStage::Last(share) => {
            format!("stages: share of the last stage is {}, must be 100", percent(*share))
        }
        BadStage::Share(_) | BadStage::Soak(_) | BadStage::Pass(_) => format!("stages: {error}"),
    })
}
