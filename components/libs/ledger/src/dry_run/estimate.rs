//! About how long a job would take: by how long its product's last upgrades took.

use ota_protocol::key::ProductKey;
use ota_rollout::forecast::{Forecast, Plan, forecast};

use crate::job::NewJob;
use crate::{Ledger, SqlError};

/// How long one device takes.
pub(super) struct Pace {
    /// From its grant to its success (ms).
    pub(super) per_device: i64,
    /// Of how many upgrades that is the median; 0: it is assumed.
    pub(super) samples: usize,
}

/// What one device is assumed to take where none has been seen (ms): 10 minutes.
const ASSUMED: i64 = 600_000;
/// The most upgrades that are looked at.
const MOST_SAMPLES: usize = 100;

impl Ledger<'_> {
    /// The median of the last upgrades of the product, newest job first: a few reads, each by an index.
    pub(super) fn pace_of(&self, product: &ProductKey) -> Result<Pace, SqlError> {
        let mut samples = Vec::new();
        for row in self.sql.query(LAST_JOBS, &[product.as_str().into()])? {
            let (job, last_stage) = (row.text(0)?, row.int(1)?);
            for stage in 0..=last_stage {
                let missing = i64::try_from(MOST_SAMPLES - samples.len()).unwrap_or(0);
                let rows = self.sql.query(TOOK, &[job.as_str().into(), stage.into(), missing.into()])?;
                for row in rows {
                    samples.push(row.int(0)?);
                }
                if samples.len() >= MOST_SAMPLES {
                    return Ok(Pace::median(samples));
                }
            }
        }
        Ok(Pace::median(samples))
    }
}

impl Pace {
    fn median(mut samples: Vec<i64>) -> Self {
        samples.sort_unstable();
        let median = samples.get(samples.len() / 2).copied();
        Self { per_device: median.unwrap_or(ASSUMED), samples: samples.len() }
    }
}

/// How long the job takes when every device that it tells comes back; `told` are those of each stage, the canaries'
/// first when it has some. `None` when there is nobody to tell.
pub(super) fn estimate(new: &NewJob, told: &[i64], each: i64) -> Option<Forecast> {
    let devices: i64 = told.iter().sum();
    if devices == 0 {
        return None;
    }
    let plan = Plan {
        devices,
        budget: new.terms.budget,
        max_in_flight: new.terms.max_in_flight,
        per_minute: new.terms.per_minute,
        stages: &new.stages,
        each,
    };
    let canaries = told.first().copied().filter(|_| !new.canary.is_empty()).unwrap_or(0);
    if canaries == 0 {
        return Some(forecast(&plan));
    }
    let before = forecast(&Plan { devices: canaries, stages: &[], ..plan }).all;
    if canaries == devices {
        return Some(forecast(&Plan { stages: &[], ..plan }));
    }
    // The others start when the canaries have come back and rested.
    let rest = forecast(&Plan { devices: devices - canaries, ..plan });
    let later = |ms: i64| ms.saturating_add(before).saturating_add(new.canary_soak);
    let all = later(rest.all);
    // The canaries count as well: they may be what the others lack of a round number.
    let until =
        |count: i64, ms: Option<i64>| ms.map_or((devices >= count).then_some(all), |ms| Some(later(ms)));
    Some(Forecast {
        thousand: until(1000, rest.thousand),
        ten_thousand: until(10_000, rest.ten_thousand),
        hundred_thousand: until(100_000, rest.hundred_thousand),
        all,
    })
}

const LAST_JOBS: &str = "SELECT j.job, j.last_stage FROM job j
    WHERE j.product = $1 AND j.succeeded > 0 AND j.state <> 'deleted' ORDER BY j.created_at DESC LIMIT 5";
const TOOK: &str = "SELECT t.ended_at - t.granted_at FROM task t
    WHERE t.job = $1 AND t.stage = $2 AND t.state = 'succeeded' AND t.granted_at > 0
        AND t.ended_at > t.granted_at LIMIT $3";
