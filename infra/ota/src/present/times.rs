//! Moments and spans as people read them: RFC 3339 in UTC, which is the same for everyone, and how far away that is.

use jiff::Timestamp;

/// The moment `at`, ms since 1970: `2026-11-24T22:00:00Z`.
pub(crate) fn moment(at: i64) -> String {
    // Nobody waits for milliseconds.
    let second = Timestamp::from_second(at.div_euclid(1000));
    second.map_or_else(|_| format!("{at} ms since 1970"), |moment| moment.to_string())
}

/// A moment and how far from `now` it is: `2026-11-24T22:00:00Z, in 3 h 20 min`. Both in ms since 1970.
pub(crate) fn when(at: i64, now: i64) -> String {
    let away = span(at.abs_diff(now) / 1000);
    if at > now { format!("{}, in {away}", moment(at)) } else { format!("{}, {away} ago", moment(at)) }
}

/// A span of seconds in its two largest units: `45 s`, `3 h 20 min`, `2 days 4 h`.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str, &str); 4] =
        [(86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s")];
    let Some(largest) = UNITS.iter().position(|(size, ..)| seconds >= *size) else {
        return "0 s".to_owned();
    };
    let mut rest = seconds;
    let told = UNITS.iter().skip(largest).take(2).filter_map(|(size, one, many)| {
        let n = rest / size;
        rest %= size;
        (n > 0).then(|| format!("{n} {}", if n == 1 { one } else { many }))
    });
    told.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_550_400_000;

    #[test]
    fn a_moment_is_the_same_text_for_everyone() {
        assert_eq!(moment(NOW + 999), "2026-11-24T20:00:00Z");
        assert_eq!(moment(-1), "1969-12-31T23:59:59Z");
        assert_eq!(moment(i64::MAX), "9223372036854775807 ms since 1970");
    }

    #[test]
    fn a_moment_says_how_far_away_it_is() {
        assert_eq!(when(NOW + 12_000_000, NOW), "2026-11-24T23:20:00Z, in 3 h 20 min");
        assert_eq!(when(NOW - 5_000, NOW), "2026-11-24T19:59:55Z, 5 s ago");
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        let spans = [0, 1, 59, 60, 61, 3600, 3605, 7380, 86_400, 100_000, 180_000, 10_000_000].map(span);
        assert_eq!(
            spans,
            [
                "0 s",
                "1 s",
                "59 s",
                "1 min",
                "1 min 1 s",
                "1 h",
                "1 h",
                "2 h 3 min",
                "1 day",
                "1 day 3 h",
                "2 days 2 h",
                "115 days 17 h"
            ]
        );
    }
}
