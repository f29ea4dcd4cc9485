//! Whether, and when, an attempt that failed is followed by another.
//!
//! A retry never un-exposes: it is another try with the same device, whose place in the loss budget stays taken
//! (DESIGN §5). The randomness of the jitter comes in as an argument.

use std::fmt;

use crate::Reason;

/// The retry policy of a job.
///
/// ```
/// use ota_rollout::{Reason, Retry};
/// let retry = Retry { attempts: 3, ..Retry::DEFAULT };
/// assert!(retry.allows(Reason::Download, 1) && retry.allows(Reason::Download, 2));
/// assert!(!retry.allows(Reason::Download, 3)); // the third try was the last
/// assert!(!retry.allows(Reason::Rollback, 1)); // the device tried, and came back: not by default
/// assert!(!Retry::DEFAULT.allows(Reason::Download, 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retry {
    /// How often a device is tried in all, 1..=10; 1 is no retry.
    pub attempts: i64,
    /// How long to wait before the second try (ms, 1 s..=24 h); each further wait is twice as long.
    pub backoff: i64,
    /// What is tried again.
    pub reasons: Reasons,
}

impl Retry {
    /// A job that says nothing tries each device once.
    pub const DEFAULT: Self = Self { attempts: 1, backoff: 60_000, reasons: Reasons::DEFAULT };

    /// The most tries that a job may ask for.
    pub const MOST_ATTEMPTS: i64 = 10;
    /// The shortest wait before a second try (ms).
    pub const LEAST_BACKOFF: i64 = 1000;
    /// Waits stop doubling here (ms): a day.
    pub const MOST_BACKOFF: i64 = 86_400_000;

    /// This policy, if it is within its limits.
    pub fn check(self) -> Result<Self, BadRetry> {
        if !(1..=Self::MOST_ATTEMPTS).contains(&self.attempts) {
            return Err(BadRetry::Attempts(self.attempts));
        }
        if !(Self::LEAST_BACKOFF..=Self::MOST_BACKOFF).contains(&self.backoff) {
            return Err(BadRetry::Backoff(self.backoff));
        }
        Ok(self)
    }

    /// Whether an attempt that ended for `reason` is followed by another, after `tries` in all (1 and up).
    pub fn allows(self, reason: Reason, tries: i64) -> bool {
        tries < self.attempts && self.reasons.contains(reason)
    }

    /// How long the device rests after its `tries`th try (ms): `backoff × 2^(tries − 1)`, no more than a day,
    /// give or take a quarter so that devices which failed together do not return together.
    ///
    /// `random` is any number, uniformly drawn.
    ///
    /// ```
    /// use ota_rollout::Retry;
    /// assert_eq!(Retry::DEFAULT.delay(1, 0), 45_000);
    /// assert_eq!(Retry::DEFAULT.delay(3, 60_000), 240_000);
    /// ```
    pub fn delay(self, tries: i64, random: u64) -> i64 {
        let doublings = u32::try_from(tries.saturating_sub(1).clamp(0, 40)).unwrap_or(0);
        let rest = self.backoff.saturating_mul(1_i64 << doublings).clamp(0, Self::MOST_BACKOFF);
        let quarter = rest / 4;
        let width = u64::try_from(2 * quarter + 1).unwrap_or(1);
        rest - quarter + i64::try_from(random % width).unwrap_or(0)
    }
}

/// A retry policy that no job may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRetry {
    /// Too few or too many tries.
    #[error("attempts is {0}, must be 1 to {most}", most = Retry::MOST_ATTEMPTS)]
    Attempts(i64),
    /// The first wait is too short or too long.
    #[error("backoff is {0} ms, must be {least} to {most}", least = Retry::LEAST_BACKOFF, most = Retry::MOST_BACKOFF)]
    Backoff(i64),
    /// No attempt ends for this reason.
    #[error("`{0}` is no reason to retry, must be one of {all}", all = Reasons::ALL)]
    Reason(String),
}

/// A set of reasons that an attempt may end for.
///
/// ```
/// use ota_rollout::{Reason, retry::Reasons};
/// let reasons = Reasons::parse("download_failed, device_code").unwrap();
/// assert!(reasons.contains(Reason::Download) && reasons.contains(Reason::Device(-77)));
/// assert_eq!(reasons.to_string(), "download_failed,device_code");
/// assert_eq!(Reasons::from_bits(reasons.bits()), Some(reasons));
/// assert!(Reasons::parse("bad_luck").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reasons(i64);

/// The words, in the order of their bits. A word's place is stored in ledgers and never changes.
const WORDS: [&str; 9] = [
    "upgrade_failed",
    "download_failed",
    "verification_failed",
    "burning_failed",
    "ignored",
    "device_code",
    "rollback",
    "wrong_version",
    "timed_out",
];

impl Reasons {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Whatever an attempt may end for. A revert is not among them: the attempt had succeeded.
    pub const ALL: Self = Self((1 << WORDS.len()) - 1);
    /// What a second try may well cure: `download_failed`, `verification_failed`, `ignored`, `timed_out`.
    pub const DEFAULT: Self = Self(1 << 1 | 1 << 2 | 1 << 4 | 1 << 8);

    /// The set as a ledger stores it, 0..=511.
    pub fn bits(self) -> i64 {
        self.0
    }

    /// The set that a ledger stored; `None` when a bit has no reason.
    pub fn from_bits(bits: i64) -> Option<Self> {
        (0..=Self::ALL.0).contains(&bits).then_some(Self(bits))
    }

    /// The set that a list of words names, separated by commas; empty text is the empty set.
    pub fn parse(text: &str) -> Result<Self, BadRetry> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).try_fold(Self::NONE, Self::with)
    }

    /// This set and the reason that `word` names.
    pub fn with(self, word: &str) -> Result<Self, BadRetry> {
        let place = WORDS.iter().position(|known| *known == word);
        place.map(|place| Self(self.0 | 1 << place)).ok_or_else(|| BadRetry::Reason(word.to_owned()))
    }

    /// The words of the set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WORDS.into_iter().enumerate().filter(move |(place, _)| self.0 & 1 << place != 0).map(|(_, word)| word)
    }

    /// Whether `reason` is in the set.
    pub fn contains(self, reason: Reason) -> bool {
        let place = match reason {
            Reason::Upgrade => 0,
            Reason::Download => 1,
            Reason::Verification => 2,
            Reason::Burning => 3,
            Reason::Ignored => 4,
            Reason::Device(_) => 5,
            Reason::Rollback => 6,
            Reason::WrongVersion => 7,
            Reason::TimedOut => 8,
            Reason::Reverted => return false,
        };
        self.0 & 1 << place != 0
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.words().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reasons({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY: [(Reason, &str); 9] = [
        (Reason::Upgrade, "upgrade_failed"),
        (Reason::Download, "download_failed"),
        (Reason::Verification, "verification_failed"),
        (Reason::Burning, "burning_failed"),
        (Reason::Ignored, "ignored"),
        (Reason::Device(-77), "device_code"),
        (Reason::Rollback, "rollback"),
        (Reason::WrongVersion, "wrong_version"),
        (Reason::TimedOut, "timed_out"),
    ];

    #[test]
    fn each_word_names_its_reason_and_no_other() {
        for (reason, word) in EVERY {
            let set = Reasons::parse(word).unwrap();
            assert!(reason.to_string().starts_with(word), "{reason} shows otherwise than {word}");
            for (other, _) in EVERY {
                assert_eq!(set.contains(other), other == reason, "{word} and {other}");
            }
        }
        assert_eq!(EVERY.map(|(_, word)| word).join(","), Reasons::ALL.to_string());
        assert!(!Reasons::ALL.contains(Reason::Reverted));
    }

    #[test]
    fn words_are_stored_where_they_always_were() {
        let bits = EVERY.map(|(_, word)| Reasons::parse(word).unwrap().bits());
        assert_eq!(bits, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(Reasons::DEFAULT.to_string(), "download_failed,verification_failed,ignored,timed_out");
        assert_eq!(
            [-1, 0, 511, 512].map(|bits| Reasons::from_bits(bits).is_some()),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_word_that_is_no_reason_is_named_with_those_that_are() {
        let error = Reasons::parse("ignored,reverted").unwrap_err().to_string();
        assert!(
            error.starts_with("`reverted` is no reason to retry, must be one of upgrade_failed,"),
            "{error}"
        );
        assert_eq!(Reasons::parse("").unwrap(), Reasons::NONE);
    }

    #[test]
    fn a_try_is_followed_while_attempts_last_and_the_reason_allows() {
        let retry = |attempts| Retry { attempts, ..Retry::DEFAULT };
        let table = [
            (1, Reason::Download, 1, false),
            (2, Reason::Download, 1, true),
            (2, Reason::Download, 2, false),
            (10, Reason::TimedOut, 9, true),
            (10, Reason::TimedOut, 10, false),
            (10, Reason::Burning, 1, false),
            (10, Reason::Reverted, 1, false),
        ];
        for (attempts, reason, tries, expected) in table {
            assert_eq!(retry(attempts).allows(reason, tries), expected, "{attempts} {reason} {tries}");
        }
    }

    #[test]
    fn waits_double_up_to_a_day() {
        let retry = Retry { attempts: 10, backoff: 3_600_000, ..Retry::DEFAULT };
        // Half of the jitter's width: the wait itself.
        let waits = [1, 2, 3, 4, 5, 6, 10, i64::MAX].map(|tries| {
            let shortest = retry.delay(tries, 0);
            shortest / 3 * 4 / 3_600_000
        });
        assert_eq!(waits, [1, 2, 4, 8, 16, 24, 24, 24]);
    }

    #[test]
    fn policies_out_of_range_name_the_value_and_the_limit() {
        let text = |retry: Retry| retry.check().map_or_else(|error| error.to_string(), |_| "good".to_owned());
        assert_eq!(text(Retry::DEFAULT), "good");
        assert_eq!(text(Retry { attempts: 11, ..Retry::DEFAULT }), "attempts is 11, must be 1 to 10");
        assert_eq!(text(Retry { attempts: 0, ..Retry::DEFAULT }), "attempts is 0, must be 1 to 10");
        assert_eq!(
            text(Retry { backoff: 999, ..Retry::DEFAULT }),
            "backoff is 999 ms, must be 1000 to 86400000"
        );
    }

    proptest! {
        #[test]
        fn a_wait_is_within_a_quarter_of_its_length(
            backoff in Retry::LEAST_BACKOFF..=Retry::MOST_BACKOFF, tries in 1..=10_i64, random: u64
        ) {
            let rest = (backoff << (tries - 1)).min(Retry::MOST_BACKOFF);
            let wait = Retry { backoff, ..Retry::DEFAULT }.delay(tries, random);
            prop_assert!((wait - rest).abs() <= rest / 4, "{} for {}", wait, rest);
        }

        #[test]
        fn a_set_is_what_it_shows_and_what_it_stores(bits in 0..=511_i64) {
            let set = Reasons::from_bits(bits).unwrap();
            prop_assert_eq!(Reasons::parse(&set.to_string()).unwrap(), set);
            prop_assert_eq!(set.bits(), bits);
        }

        #[test]
        fn no_number_overflows_a_wait(backoff: i64, tries: i64, random: u64) {
            let wait = Retry { backoff, ..Retry::DEFAULT }.delay(tries, random);
            prop_assert!((0..=Retry::MOST_BACKOFF * 5 / 4).contains(&wait));
        }
    }
}
