//! Which device has which fault: rates from the command line, and parts drawn by a seed.

use std::str::FromStr;

use super::fault::Fault;
use super::random::Random;

/// A rate of 1, in the unit that rates are counted in.
const WHOLE: u32 = 1_000_000;

/// Faults and their rates; they sum to at most 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults(Vec<(Fault, u32)>);

impl Faults {
    /// The parts of `devices` devices: as many of each fault as its rate says, rounded, and who has which is the
    /// seed's choice. The order of the faults on the command line does not matter.
    pub(crate) fn cast(&self, devices: usize, seed: u64) -> Vec<Option<Fault>> {
        let mut parts = Vec::with_capacity(devices);
        let mut rate_so_far = 0;
        for (fault, rate) in &self.0 {
            rate_so_far += rate;
            parts.resize(share(devices, rate_so_far), Some(*fault));
        }
        parts.resize(devices, None);
        Random::new(seed, "cast").shuffle(&mut parts);
        parts
    }
}

/// Of `devices`, the share of `rate`, rounded; at most all.
fn share(devices: usize, rate: u32) -> usize {
    let exact = devices as u128 * u128::from(rate);
    usize::try_from((exact + u128::from(WHOLE / 2)) / u128::from(WHOLE)).unwrap_or(devices).min(devices)
}

/// `brick=0.02,rollback=0.01`.
impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut faults: Vec<(Fault, u32)> = Vec::new();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (word, rate) =
                item.split_once('=').ok_or_else(|| format!("`{item}` has no rate: write {item}=0.01"))?;
            let (fault, rate) = (word.trim().parse()?, parse_rate(rate.trim())?);
            if faults.iter().any(|(known, _)| *known == fault) {
                return Err(format!("{fault} is there twice"));
            }
            faults.push((fault, rate));
        }
        let sum: u32 = faults.iter().map(|(_, rate)| rate).sum();
        if sum > WHOLE {
            return Err(format!("the rates sum to {}, must be at most 1", f64::from(sum) / f64::from(WHOLE)));
        }
        faults.sort_unstable();
        Ok(Self(faults))
    }
}

/// A decimal from 0 to 1, in millionths; finer digits are refused rather than dropped.
fn parse_rate(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no rate: write 0 to 1 with at most 6 decimals, such as 0.01");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || text == "." || !is_digits(whole) || !is_digits(decimals) || decimals.len() > 6 {
        return Err(wrong());
    }
    let number = format!("{whole}{decimals:0<6}").parse().map_err(|_| wrong())?;
    if number > WHOLE { Err(wrong()) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(parts: &[Option<Fault>], fault: Option<Fault>) -> usize {
        parts.iter().filter(|part| **part == fault).count()
    }

    #[test]
    fn rates_become_exact_numbers() {
        let faults: Faults = "brick=0.02,flap=.1,cached=0.005".parse().unwrap();
        let parts = faults.cast(4000, 7);
        let counts = [Some(Fault::Brick), Some(Fault::Flap), Some(Fault::Cached), None];
        assert_eq!(counts.map(|part| counted(&parts, part)), [80, 400, 20, 3500]);
    }

    #[test]
    fn everyone_bricks_at_a_rate_of_one() {
        let faults: Faults = "brick=1.0".parse().unwrap();
        assert_eq!(counted(&faults.cast(4001, 3), Some(Fault::Brick)), 4001);
        let thirds: Faults = "brick=0.333333,slow=0.333333,flap=0.333334".parse().unwrap();
        assert_eq!(counted(&thirds.cast(100, 3), None), 0);
    }

    #[test]
    fn the_seed_alone_decides_who_has_which() {
        let faults: Faults = "brick=0.1,slow=0.2".parse().unwrap();
        let swapped: Faults = "slow=0.2, brick=0.1".parse().unwrap();
        assert_eq!(faults.cast(500, 1), swapped.cast(500, 1));
        assert_ne!(faults.cast(500, 1), faults.cast(500, 2));
    }

    #[test]
    fn no_faults_is_a_sound_fleet() {
        assert_eq!(Faults::default().cast(3, 1), [None, None, None]);
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn what_is_no_rate_or_too_much_is_refused() {
        for (text, says) in [
            ("brick", "write brick=0.01"),
            ("brick=", "no rate"),
            ("brick=.", "no rate"),
            ("brick=2", "no rate"),
            ("brick=1.0000001", "no rate"),
            ("brick=-0.1", "no rate"),
            ("brick=5%", "no rate"),
            ("brick=99999999999", "no rate"),
            ("burn=0.1", "there is no fault"),
            ("brick=0.1,brick=0.1", "twice"),
            ("brick=0.6,slow=0.5", "sum to 1.1"),
        ] {
            let refused = Faults::from_str(text).unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
