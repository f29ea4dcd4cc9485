//! The gate: when the share of devices that a job loses says that it must hold itself (DESIGN §5).
//!
//! The share is that of devices with an outcome, lost ÷ (lost + succeeded), never ÷ all targets; and a job is held
//! on evidence: when the share is above what is allowed even by the lower bound of its confidence interval.

/// The fewest devices with an outcome that the gate judges by.
pub const GATE_SAMPLE: i64 = 5;

/// The quantile of the normal distribution for one side at 95 %.
const Z: f64 = 1.644_853_626_951_472_2;

/// Whether a job must hold itself: with at least [`GATE_SAMPLE`] devices finished, the one-sided 95 % lower bound of
/// lost ÷ (lost + succeeded) is above `max_failure_rate_per_mille` (0..=1000; 1000 never shuts).
///
/// `lost` are the exposed devices that are not in flight.
///
/// ```
/// use ota_rollout::gate;
/// assert!(!gate::is_shut(4, 0, 50)); // too few to tell
/// assert!(gate::is_shut(5, 0, 50));
/// assert!(!gate::is_shut(1, 19, 50)); // 5 % lost
/// assert!(!gate::is_shut(2, 18, 50)); // 10 %, which chance explains
/// assert!(gate::is_shut(4, 16, 50)); // 20 %
/// ```
pub fn is_shut(lost: i64, succeeded: i64, max_failure_rate_per_mille: i64) -> bool {
    let (lost, succeeded) = (lost.max(0), succeeded.max(0));
    let finished = lost.saturating_add(succeeded);
    finished >= GATE_SAMPLE && wilson_lower(lost, finished) * 1000.0 > float(max_failure_rate_per_mille)
}

/// The lower bound of the one-sided 95 % Wilson score interval of `lost` ÷ `finished`, 0.0..=1.0; 0.0 when nothing
/// finished (E. B. Wilson, 1927, <https://doi.org/10.1080/01621459.1927.10502953>).
///
/// ```
/// use ota_rollout::gate::wilson_lower;
/// assert_eq!(wilson_lower(0, 100), 0.0);
/// assert!((wilson_lower(10, 100) - 0.0607).abs() < 0.0001);
/// ```
pub fn wilson_lower(lost: i64, finished: i64) -> f64 {
    if finished <= 0 || lost <= 0 {
        return 0.0;
    }
    let n = float(finished);
    let share = float(lost.min(finished)) / n;
    let z2 = Z * Z;
    let middle = share + z2 / (2.0 * n);
    let half_width = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - half_width) / (1.0 + z2 / n)).clamp(0.0, share)
}

#[expect(clippy::cast_precision_loss, reason = "counts of devices are far below 2^52")]
fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bound_is_wilsons() {
        // lost, finished, bound: computed apart.
        let table = [
            (1, 5, 0.045_962_45),
            (5, 5, 0.648_883_49),
            (1, 20, 0.011_234_82),
            (2, 20, 0.033_663_22),
            (50, 1000, 0.039_828_22),
        ];
        for (lost, finished, expected) in table {
            let bound = wilson_lower(lost, finished);
            assert!((bound - expected).abs() < 1e-8, "{lost} of {finished}: {bound}");
        }
    }

    #[test]
    fn the_gate_at_five_per_cent() {
        // finished, the most lost that leaves it open, the least that shuts it.
        for (finished, open, shut) in
            [(5, 1, 2), (10, 1, 2), (20, 2, 3), (50, 5, 6), (100, 8, 9), (1000, 61, 62)]
        {
            assert!(!is_shut(open, finished - open, 50), "{open} of {finished} leaves it open");
            assert!(is_shut(shut, finished - shut, 50), "{shut} of {finished} shuts it");
        }
    }

    #[test]
    fn fewer_than_the_sample_say_nothing_and_nothing_lost_never_shuts() {
        assert!(!is_shut(GATE_SAMPLE - 1, 0, 0));
        assert!(is_shut(GATE_SAMPLE, 0, 0));
        assert!(!is_shut(0, 1_000_000, 0));
        assert!(!is_shut(1_000_000, 0, 1000));
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        assert!(!is_shut(-5, 10, 50));
        assert!(is_shut(i64::MAX, i64::MAX, 50));
        assert!(!is_shut(0, i64::MAX, 50));
    }

    proptest! {
        #[test]
        fn the_bound_is_below_the_share_and_rises_with_the_lost(finished in 1..100_000_i64, part in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, reason = "a share of a small number")]
            let lost = (float(finished) * part) as i64;
            let bound = wilson_lower(lost, finished);
            prop_assert!((0.0..=1.0).contains(&bound) && bound <= float(lost) / float(finished));
            prop_assert!(wilson_lower(lost + 1, finished + 1) >= bound);
            prop_assert!(wilson_lower(lost, finished + 1) <= bound);
        }

        #[test]
        fn the_bound_solves_the_equation_that_defines_it(finished in 1..100_000_i64, part in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, reason = "a share of a small number")]
            let lost = (float(finished) * part) as i64;
            let (share, bound) = (float(lost) / float(finished), wilson_lower(lost, finished));
            let apart = (share - bound).powi(2) - Z * Z * bound * (1.0 - bound) / float(finished);
            prop_assert!(apart.abs() < 1e-12, "{}", apart);
        }

        #[test]
        fn one_more_success_never_shuts_the_gate(lost in 0..1000_i64, succeeded in 5..10_000_i64, rate in 0..1000_i64) {
            prop_assert!(is_shut(lost, succeeded, rate) || !is_shut(lost, succeeded + 1, rate));
        }
    }
}
