//! When the devices of a fleet come in: a pure function of the pattern and a seed.

use std::str::FromStr;
use std::time::Duration;

use super::random::Random;

/// The longest that one device may be waited for: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// A pattern of arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrival {
    /// Everyone at once, as fast as they are let in.
    All,
    /// Evenly over this time.
    Ramp(Duration),
    /// One by one at random, on average this many per second.
    Poisson(f64),
}

impl Arrival {
    /// When each of `devices` devices comes in, from the start on, in order.
    pub(crate) fn times(self, devices: usize, seed: u64) -> Vec<Duration> {
        match self {
            Self::All => vec![Duration::ZERO; devices],
            Self::Ramp(span) => {
                let count = u32::try_from(devices).unwrap_or(u32::MAX);
                (0..count).map(|index| span.mul_f64(f64::from(index) / f64::from(count))).collect()
            }
            Self::Poisson(per_second) => {
                let mut random = Random::new(seed, "arrival");
                let mut time = 0.0_f64;
                let arrive = || {
                    time += -random.unit().ln() / per_second;
                    Duration::try_from_secs_f64(time).unwrap_or(LONGEST).min(LONGEST)
                };
                std::iter::repeat_with(arrive).take(devices).collect()
            }
        }
    }
}

/// `all`, `ramp:SECONDS` or `poisson:PER_SECOND`.
impl FromStr for Arrival {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no arrival: write all, ramp:SECONDS or poisson:PER_SECOND");
        if text == "all" {
            return Ok(Self::All);
        }
        let (pattern, number) = text.split_once(':').ok_or_else(wrong)?;
        let number: f64 = number.parse().map_err(|_| wrong())?;
        if !(number.is_finite() && number > 0.0) {
            return Err(format!("`{text}`: the number must be above 0"));
        }
        match pattern {
            "ramp" if number > LONGEST.as_secs_f64() => {
                Err(format!("`{text}`: a ramp takes at most {} seconds", LONGEST.as_secs()))
            }
            "ramp" => Ok(Self::Ramp(Duration::from_secs_f64(number))),
            "poisson" => Ok(Self::Poisson(number)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_even_and_all_is_at_once() {
        let ramp: Arrival = "ramp:10".parse().unwrap();
        assert_eq!(ramp.times(5, 1), [0, 2, 4, 6, 8].map(Duration::from_secs));
        assert_eq!("all".parse::<Arrival>().unwrap().times(2, 1), [Duration::ZERO; 2]);
        assert!(ramp.times(0, 1).is_empty());
    }

    #[test]
    fn poisson_arrivals_keep_their_rate_and_repeat_with_their_seed() {
        let poisson: Arrival = "poisson:50".parse().unwrap();
        let times = poisson.times(5000, 7);
        assert!(times.is_sorted());
        let last = times.last().unwrap().as_secs_f64();
        assert!((90.0..110.0).contains(&last), "{last}");
        assert_eq!(times, poisson.times(5000, 7));
        assert_ne!(times, poisson.times(5000, 8));
    }

    #[test]
    fn a_rate_near_zero_waits_no_longer_than_a_day() {
        let poisson: Arrival = "poisson:1e-300".parse().unwrap();
        assert_eq!(poisson.times(2, 7), [LONGEST; 2]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "none", "ramp", "ramp:", "ramp:-1", "ramp:0", "poisson:inf", "poisson:x", "ramp:1e9"]
        {
            assert!(Arrival::from_str(text).is_err(), "{text}");
        }
    }
}
