//! A time as people read it.

use std::fmt;

/// Milliseconds since 1970, shown as a date and time in UTC, to the second.
///
/// ```text
/// 2027-01-15T08:00:00Z
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(timestamp) => timestamp.fmt(f),
            // Beyond any calendar.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_and_a_time_of_day() {
        assert_eq!(Moment(1_800_000_000_999).to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(Moment(-1).to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Moment(i64::MAX).to_string(), "9223372036854775807 ms");
    }
}
