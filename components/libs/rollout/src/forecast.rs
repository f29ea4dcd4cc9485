//! About how long a job would take at best: every device is reachable, and comes back on the new version.
//!
//! An estimate for the dry run of a job. It knows nothing of windows, backoff and losses, which only make it longer.

use crate::{Budget, Stage, stage};

/// A job to estimate.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'p> {
    /// How many devices it has.
    pub devices: i64,
    /// What it may spend.
    pub budget: Budget,
    /// Devices at work at once, 1 and up.
    pub max_in_flight: i64,
    /// Grants a minute; 0 is no limit.
    pub per_minute: i64,
    /// Its stages; none is open whole.
    pub stages: &'p [Stage],
    /// How long one device takes from its grant to its success (ms).
    pub each: i64,
}

/// How long it takes (ms) until so many devices are on the target; `None` when the job has fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Until the 1 000th.
    pub thousand: Option<i64>,
    /// Until the 10 000th.
    pub ten_thousand: Option<i64>,
    /// Until the 100 000th.
    pub hundred_thousand: Option<i64>,
    /// Until all are.
    pub all: i64,
}

/// How long `plan` takes when all goes well.
///
/// Devices are granted in waves, each as large as the budget and `max_in_flight` leave room for; a stage starts when the
/// one before has passed, has soaked, and has nobody at work. Waves of one size are counted at once, so the work is
/// bounded by the sizes there are: below 20 000 steps for each stage, whatever the fleet.
///
/// ```
/// use ota_rollout::{Budget, forecast::{Plan, forecast}};
/// let plan = Plan {
///     devices: 30, budget: Budget::DEFAULT, max_in_flight: 300, per_minute: 0, stages: &[], each: 60_000,
/// };
/// // 10, then 11, then the last 9.
/// assert_eq!(forecast(&plan).all, 3 * 60_000);
/// ```
pub fn forecast(plan: &Plan<'_>) -> Forecast {
    let mut run = Run::new(plan);
    let whole = [Stage { share: 1000, soak: 0, pass: 1000 }];
    let stages = if plan.stages.is_empty() { &whole } else { plan.stages };
    for stage in stages {
        let end = i128::from(plan.devices.max(0)) * i128::from(stage.share.clamp(0, 1000)) / 1000;
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        let is_last = end >= plan.devices;
        run.pass(stage, end, is_last);
    }
    run.forecast
}

/// A forecast on its way. Times are in ms and saturate.
struct Run<'p> {
    plan: &'p Plan<'p>,
    /// Devices on the target.
    succeeded: i64,
    /// When the next wave starts.
    now: i64,
    /// When the latest device was on the target.
    finished: i64,
    forecast: Forecast,
    /// How many groups of waves were counted.
    steps: usize,
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan<'p>) -> Self {
        Self { plan, succeeded: 0, now: 0, finished: 0, forecast: Forecast::default(), steps: 0 }
    }

    /// Takes the job up to `end` devices, and the soak time after them.
    fn pass(&mut self, stage: &Stage, end: i64, is_last: bool) {
        let members = end - self.succeeded;
        if members <= 0 {
            return;
        }
        let enough = self.succeeded + stage::needed(members, stage.pass);
        let mut passed = self.now;
        while self.succeeded < end {
            let waves = self.waves(end);
            if (self.succeeded..self.succeeded + waves.devices()).contains(&(enough - 1)) {
                passed = self.done(&waves, enough);
            }
            self.take(&waves);
        }
        let soaked = if is_last { 0 } else { passed.saturating_add(stage.soak) };
        self.now = self.finished.max(soaked);
    }

    /// The waves ahead that are of one size.
    fn waves(&self, end: i64) -> Waves {
        let (plan, left) = (self.plan, end - self.succeeded);
        let bound = plan.budget.bound(self.succeeded).max(1);
        let most = plan.max_in_flight.max(1);
        let size = bound.min(most).min(left);
        let count =
            if size < bound.min(most) { 1 } else { (left / size).min(self.until_larger(bound, most, size)) };
        // A minute's grants are spread over it.
        let wide = size.saturating_mul(60_000).checked_div(plan.per_minute.max(0)).unwrap_or(0);
        Waves { size, count: count.max(1), period: plan.each.max(0).max(wide) }
    }

    /// How many waves of `size` there are before the bound rises, if that makes them larger.
    fn until_larger(&self, bound: i64, most: i64, size: i64) -> i64 {
        let budget = self.plan.budget;
        if bound >= most || budget.growth <= 0 {
            return i64::MAX;
        }
        // The least number of successes that the next bound needs.
        let further = i128::from(bound - budget.loss_budget + 1) * 1000;
        let needed = (further + i128::from(budget.growth) - 1) / i128::from(budget.growth);
        let needed = i64::try_from(needed).unwrap_or(i64::MAX);
        let missing = needed.saturating_sub(self.succeeded).max(1);
        (missing - 1) / size + 1
    }

    /// When the `n`th device is on the target, which one of `waves` brings there.
    fn done(&self, waves: &Waves, n: i64) -> i64 {
        let nth = (n - self.succeeded - 1).max(0);
        let (wave, place) = (nth / waves.size, nth % waves.size);
        let granted = waves.period.saturating_mul(wave);
        let behind = place.saturating_mul(60_000).checked_div(self.plan.per_minute.max(0)).unwrap_or(0);
        self.now.saturating_add(granted).saturating_add(behind).saturating_add(self.plan.each.max(0))
    }

    fn take(&mut self, waves: &Waves) {
        let after = self.succeeded + waves.devices();
        let reached = |n: i64| (self.succeeded < n && n <= after).then(|| self.done(waves, n));
        let Forecast { thousand, ten_thousand, hundred_thousand, .. } = self.forecast;
        self.forecast = Forecast {
            thousand: thousand.or_else(|| reached(1000)),
            ten_thousand: ten_thousand.or_else(|| reached(10_000)),
            hundred_thousand: hundred_thousand.or_else(|| reached(100_000)),
            all: self.done(waves, after),
        };
        self.finished = self.forecast.all;
        self.now = self.now.saturating_add(waves.period.saturating_mul(waves.count));
        self.succeeded = after;
        self.steps += 1;
    }
}

/// Waves of one size, each `period` (ms) after the one before.
struct Waves {
    size: i64,
    count: i64,
    period: i64,
}

impl Waves {
    fn devices(&self) -> i64 {
        self.size.saturating_mul(self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn plan(devices: i64) -> Plan<'static> {
        Plan {
            devices,
            budget: Budget::DEFAULT,
            max_in_flight: 300,
            per_minute: 0,
            stages: &[],
            each: MINUTE,
        }
    }

    fn minutes(plan: &Plan<'_>) -> i64 {
        forecast(plan).all / MINUTE
    }

    #[test]
    fn a_fixed_budget_goes_wave_by_wave() {
        let fixed = Budget { loss_budget: 10, growth: 0 };
        assert_eq!(minutes(&Plan { budget: fixed, ..plan(100) }), 10);
        assert_eq!(minutes(&Plan { budget: fixed, ..plan(101) }), 11);
        assert_eq!(minutes(&Plan { budget: fixed, max_in_flight: 4, ..plan(100) }), 25);
        assert_eq!(minutes(&plan(0)), 0);
    }

    #[test]
    fn the_default_budget_lets_waves_grow_up_to_max_in_flight() {
        let forecast = forecast(&plan(1_000_000));
        let minutes = [forecast.thousand, forecast.ten_thousand, forecast.hundred_thousand]
            .map(|time| time.unwrap() / MINUTE);
        assert_eq!(minutes, [26, 60, 360]);
        assert_eq!(forecast.all / MINUTE, 3360);
    }

    #[test]
    fn fewer_devices_reach_fewer_marks() {
        let forecast = forecast(&plan(9999));
        assert!(forecast.thousand.is_some_and(|time| time < forecast.all));
        assert_eq!((forecast.ten_thousand, forecast.hundred_thousand), (None, None));
    }

    #[test]
    fn a_pace_spreads_the_grants_of_a_wave() {
        let wide = Budget { loss_budget: 1000, growth: 0 };
        // The last of 100 is granted after 99 minutes, and takes one.
        assert_eq!(minutes(&Plan { budget: wide, per_minute: 1, ..plan(100) }), 100);
        // Ten at once at most, and each takes ten minutes: the pace never waits for the budget.
        let ten = Plan { budget: wide, per_minute: 1, max_in_flight: 10, each: 10 * MINUTE, ..plan(100) };
        assert_eq!(minutes(&ten), 109);
    }

    #[test]
    fn a_stage_soaks_after_it_passed_and_an_empty_one_does_not() {
        let stages = |share| {
            let soak = 60 * MINUTE;
            [Stage { share, soak, pass: 1000 }, Stage { share: 1000, soak, pass: 1000 }]
        };
        // One wave of 10, the soak, then 11, 12, 13, 14, 16, 17 and the last 7.
        assert_eq!(minutes(&Plan { stages: &stages(100), ..plan(100) }), 1 + 60 + 7);
        assert_eq!(minutes(&Plan { stages: &stages(1), ..plan(100) }), minutes(&plan(100)));
    }

    #[test]
    fn the_soak_runs_from_the_member_that_lets_the_stage_pass() {
        let fixed = Budget { loss_budget: 10, growth: 0 };
        let stages =
            |soak| [Stage { share: 500, soak, pass: 500 }, Stage { share: 1000, soak: 0, pass: 1000 }];
        // 50 members: 25 have succeeded after 3 waves, all after 5.
        for (soak, expected) in [(0, 10), (MINUTE, 10), (2 * MINUTE, 10), (3 * MINUTE, 11), (12 * MINUTE, 20)]
        {
            let stages = stages(soak);
            assert_eq!(minutes(&Plan { budget: fixed, stages: &stages, ..plan(100) }), expected, "{soak}");
        }
    }

    /// The same, wave by wave.
    fn slowly(plan: &Plan<'_>) -> i64 {
        let (mut succeeded, mut waves) = (0, 0);
        while succeeded < plan.devices {
            succeeded += plan.budget.bound(succeeded).min(plan.max_in_flight).min(plan.devices - succeeded);
            waves += 1;
        }
        waves * plan.each
    }

    proptest! {
        #[test]
        fn counting_waves_at_once_is_counting_them(
            devices in 0..5000_i64, loss_budget in 1..50_i64, growth in 0..=1000_i64, max_in_flight in 1..400_i64
        ) {
            let budget = Budget { loss_budget, growth };
            let plan = Plan { budget, max_in_flight, ..plan(devices) };
            prop_assert_eq!(forecast(&plan).all, slowly(&plan));
        }

        #[test]
        fn the_work_is_bounded_whatever_the_fleet(
            devices: i64, loss_budget in 1..=1_000_000_i64, growth in 0..=1000_i64,
            max_in_flight in 1..=1_000_000_i64, per_minute in 0..=60_000_i64, each: i64
        ) {
            let budget = Budget { loss_budget, growth };
            let plan = Plan { devices, budget, max_in_flight, per_minute, stages: &[], each };
            let mut run = Run::new(&plan);
            run.pass(&Stage { share: 1000, soak: 0, pass: 1000 }, devices, true);
            prop_assert!(run.steps < 20_000, "{} steps", run.steps);
            prop_assert_eq!(run.forecast.all, forecast(&plan).all);
        }

        #[test]
        fn marks_come_in_their_order(devices in 0..2_000_000_i64, growth in 0..=1000_i64, per_minute in 0..1000_i64) {
            let plan = Plan { budget: Budget { loss_budget: 10, growth }, per_minute, ..plan(devices) };
            let Forecast { thousand, ten_thousand, hundred_thousand, all } = forecast(&plan);
            prop_assert_eq!(thousand.is_some(), devices >= 1000);
            let marks: Vec<i64> = [thousand, ten_thousand, hundred_thousand, Some(all)].into_iter().flatten().collect();
            prop_assert!(marks.is_sorted(), "{:?}", marks);
        }
    }

    #[test]
    fn the_slowest_growth_is_bounded_too() {
        let budget = Budget { loss_budget: 1, growth: 1 };
        let plan = Plan { budget, max_in_flight: 1_000_000, ..plan(i64::MAX) };
        let mut run = Run::new(&plan);
        run.pass(&Stage { share: 1000, soak: 0, pass: 1000 }, plan.devices, true);
        assert!((5000..20_000).contains(&run.steps), "{} steps", run.steps);
    }
}
