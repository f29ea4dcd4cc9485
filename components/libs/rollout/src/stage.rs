//! Stages: which part of a job's devices may be granted, and how many of them must succeed before the next may.
//!
//! A device's place in a job is a stable hash, so that every server and every statement computes the same one, and each
//! job has its own order: no device is always the first.

use crate::GATE_SAMPLE;

/// A part of a job's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage {
    /// Up to which share of all devices this stage opens the job (per mille, cumulative, 1..=1000).
    pub share: i64,
    /// How long the job waits between the passing of this stage and the opening of the next (ms, 0..=30 days).
    pub soak: i64,
    /// How many of its members must succeed (per mille, 1..=1000); see [`needed`].
    pub pass: i64,
}

/// The stages of a job, in their order; a job without stages has none, and is open whole.
///
/// ```
/// use ota_rollout::{Stage, Stages};
/// let stage = |share| Stage { share, soak: 3_600_000, pass: 950 };
/// assert_eq!(Stages::check(vec![stage(10), stage(100), stage(1000)]).unwrap().list().len(), 3);
/// assert!(Stages::check(vec![stage(10), stage(100)]).is_err()); // the rest would never be updated
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stages(Vec<Stage>);

impl Stages {
    /// The most stages that a job may have.
    pub const MOST: usize = 8;
    /// The longest soak time (ms): 30 days.
    pub const LONGEST_SOAK: i64 = 30 * 86_400_000;

    /// These stages, if their shares rise, the last is open whole, and each is within its limits.
    pub fn check(stages: Vec<Stage>) -> Result<Self, BadStage> {
        if stages.len() > Self::MOST {
            return Err(BadStage::TooMany(stages.len()));
        }
        let mut before = 0;
        for stage in &stages {
            if !(1..=1000).contains(&stage.share) {
                return Err(BadStage::Share(stage.share));
            }
            if stage.share <= before {
                return Err(BadStage::Order { share: stage.share, before });
            }
            if !(0..=Self::LONGEST_SOAK).contains(&stage.soak) {
                return Err(BadStage::Soak(stage.soak));
            }
            if !(1..=1000).contains(&stage.pass) {
                return Err(BadStage::Pass(stage.pass));
            }
            before = stage.share;
        }
        match stages.last() {
            Some(last) if last.share != 1000 => Err(BadStage::Last(last.share)),
            _ => Ok(Self(stages)),
        }
    }

    /// The stages, in their order.
    pub fn list(&self) -> &[Stage] {
        &self.0
    }
}

/// Stages that no job may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStage {
    /// More stages than a job may have.
    #[error("{0} stages, must be at most {most}", most = Stages::MOST)]
    TooMany(usize),
    /// Not a share.
    #[error("share is {0} per mille, must be 1 to 1000")]
    Share(i64),
    /// Not above the share of the stage before.
    #[error("share is {share} per mille, must be above the {before} of the stage before")]
    Order {
        /// The share.
        share: i64,
        /// That of the stage before.
        before: i64,
    },
    /// The last stage leaves devices out.
    #[error("share of the last stage is {0} per mille, must be 1000")]
    Last(i64),
    /// Not a soak time.
    #[error("soak is {0} ms, must be 0 to {most}", most = Stages::LONGEST_SOAK)]
    Soak(i64),
    /// Not a share of members.
    #[error("pass is {0} per mille, must be 1 to 1000")]
    Pass(i64),
}

/// How many of a stage's `members` must succeed for it to pass at `pass` per mille: all of them when they are fewer
/// than the gate's sample, otherwise at least as many as that sample (DESIGN §5).
///
/// ```
/// use ota_rollout::stage::needed;
/// assert_eq!([0, 4, 5, 100].map(|members| needed(members, 900)), [0, 4, 5, 90]);
/// ```
pub fn needed(members: i64, pass: i64) -> i64 {
    if members < GATE_SAMPLE {
        return members.max(0);
    }
    let share = i128::from(members) * i128::from(pass.clamp(0, 1000));
    i64::try_from((share + 999) / 1000).unwrap_or(members).max(GATE_SAMPLE)
}

/// How many places there are: a prime, so that each multiplier of [`spread`] moves every place to one of its own.
pub const PLACES: i64 = 1_000_003;

/// The place of a device, 0..[`PLACES`], the same on every machine and in every version of this program: it is stored.
///
/// FNV-1a over product, a separator that no key contains, and device, mixed as by `SplitMix64`.
pub fn place(product: &str, device: &str) -> i64 {
    residue(hash(&[product, device]), PLACES)
}

/// What makes the order of one job: with `(multiplier, offset)` a device's position in it is
/// `(place × multiplier + offset) mod PLACES`, below 2^40 on the way, so that SQL can compute it.
///
/// ```
/// use ota_rollout::stage::{PLACES, place, position, spread};
/// let (multiplier, offset) = spread("job 7");
/// let place = place("pump", "pump-0001");
/// assert_eq!(position(place, (multiplier, offset)), (place * multiplier + offset) % PLACES);
/// ```
pub fn spread(job: &str) -> (i64, i64) {
    (1 + residue(hash(&["multiplier", job]), PLACES - 1), residue(hash(&["offset", job]), PLACES))
}

/// The position, 0..[`PLACES`], of the device at `place` in the job with that `spread`.
pub fn position(place: i64, (multiplier, offset): (i64, i64)) -> i64 {
    (place * multiplier + offset) % PLACES
}

/// The positions below this one are open when `share` per mille are: 0..=[`PLACES`].
pub fn upto(share: i64) -> i64 {
    share.clamp(0, 1000) * PLACES / 1000
}

/// The share (per mille) up to which the places below `upto` open: what [`upto`] was made of.
///
/// ```
/// use ota_rollout::stage::{share, upto};
/// assert!((0..=1000).all(|mille| share(upto(mille)) == mille));
/// ```
pub fn share(upto: i64) -> i64 {
    (upto * 1000 + PLACES - 1) / PLACES
}

/// A hash of texts, each closed by a byte that no UTF-8 contains.
fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// `hash` modulo `end`, which is 1 or more.
fn residue(hash: u64, end: i64) -> i64 {
    i64::try_from(hash % end.unsigned_abs().max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn stages(shares: &[i64]) -> Result<Stages, BadStage> {
        Stages::check(shares.iter().map(|share| Stage { share: *share, soak: 0, pass: 1000 }).collect())
    }

    #[test]
    fn stages_rise_to_the_whole() {
        for good in [&[][..], &[1000], &[1, 1000], &[1, 2, 3, 4, 5, 6, 7, 1000]] {
            assert!(stages(good).is_ok(), "{good:?}");
        }
        let table = [
            (&[10][..], "share of the last stage is 10 per mille, must be 1000"),
            (&[10, 10, 1000], "share is 10 per mille, must be above the 10 of the stage before"),
            (&[20, 10, 1000], "share is 10 per mille, must be above the 20 of the stage before"),
            (&[0, 1000], "share is 0 per mille, must be 1 to 1000"),
            (&[1001], "share is 1001 per mille, must be 1 to 1000"),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 1000], "9 stages, must be at most 8"),
        ];
        for (bad, expected) in table {
            assert_eq!(stages(bad).unwrap_err().to_string(), expected);
        }
        let whole = Stage { share: 1000, soak: 0, pass: 1000 };
        let text = |stage| Stages::check(vec![stage]).unwrap_err().to_string();
        assert_eq!(text(Stage { pass: 0, ..whole }), "pass is 0 per mille, must be 1 to 1000");
        assert_eq!(text(Stage { soak: -1, ..whole }), "soak is -1 ms, must be 0 to 2592000000");
    }

    #[test]
    fn a_small_stage_needs_all_and_a_large_one_its_share() {
        // members, pass, needed
        let table = [
            (0, 1000, 0),
            (1, 1, 1),
            (4, 500, 4),
            (5, 500, 5),
            (9, 500, 5),
            (11, 500, 6),
            (1000, 949, 949),
            (1001, 950, 951),
            (i64::MAX, 1000, i64::MAX),
        ];
        for (members, pass, expected) in table {
            assert_eq!(needed(members, pass), expected, "{members} at {pass}");
        }
    }

    #[test]
    fn places_are_what_they_were_when_ledgers_stored_them() {
        // Computed apart.
        assert_eq!(
            [place("pump", "pump-0001"), place("pump-", "pump-0001"), place("p", "")],
            [743_847, 789_978, 85_424]
        );
        assert_eq!(spread("1"), (174_977, 663_234));
    }

    #[test]
    fn every_place_has_its_own_position() {
        let spread = spread("a job");
        let positions: HashSet<i64> = (0..PLACES).map(|place| position(place, spread)).collect();
        assert_eq!(positions.len(), usize::try_from(PLACES).unwrap());
    }

    #[test]
    fn a_share_opens_its_part_of_each_job_and_each_job_another() {
        let devices: Vec<i64> = (0..20_000).map(|n| place("pump", &format!("pump-{n:05}"))).collect();
        let open = |job: &str, share| {
            let spread = spread(job);
            devices.iter().map(|place| position(*place, spread) < upto(share)).collect::<Vec<_>>()
        };
        for job in ["1", "2", "01J9Z3K8"] {
            for share in [10, 100, 500] {
                let count = open(job, share).iter().filter(|is_open| **is_open).count();
                // Five standard deviations of a fair draw.
                let apart = i64::try_from(count).unwrap() - 20 * share;
                assert!(apart * apart < 25 * 20 * share, "{job} at {share}: {count}");
            }
            assert!(
                open(job, 1000).iter().all(|is_open| *is_open)
                    && !open(job, 0).iter().any(|is_open| *is_open)
            );
        }
        let in_both = open("1", 100).iter().zip(open("2", 100)).filter(|(one, two)| **one && *two).count();
        assert!((100..300).contains(&in_both), "200 by chance, {in_both}");
    }

    proptest! {
        #[test]
        fn a_place_and_a_position_are_in_range(product in ".*", device in ".*", job in ".*") {
            let (place, (multiplier, offset)) = (place(&product, &device), spread(&job));
            prop_assert!((0..PLACES).contains(&place));
            prop_assert!((1..PLACES).contains(&multiplier) && (0..PLACES).contains(&offset));
            prop_assert!((0..PLACES).contains(&position(place, (multiplier, offset))));
        }

        #[test]
        fn what_is_needed_is_among_the_members(members in 0..=10_000_000_i64, pass in 1..=1000_i64) {
            let needed = needed(members, pass);
            prop_assert!(needed <= members && needed >= members.min(GATE_SAMPLE));
            prop_assert!(needed * 1000 >= members * pass);
        }

        #[test]
        fn a_larger_share_opens_no_fewer(share in 0..1000_i64) {
            prop_assert!(upto(share) <= upto(share + 1));
        }
    }
}
