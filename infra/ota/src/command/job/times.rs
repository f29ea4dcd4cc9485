//! Spans and moments as people type them.

use jiff::Timestamp;

use crate::clock::now_ms;

/// How spans are written, as `--help` prints it.
pub(super) const SPANS: &str = "A SPAN is a number of seconds, or one with a unit: 90s, 5m, 2h, 1d.";

/// A span in seconds: `90`, `90s`, `5m`, `2h` or `1d`.
pub(in crate::command) fn seconds(text: &str) -> Result<u32, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "" | "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    };
    let span = unit.and_then(|unit| number.parse::<u32>().ok()?.checked_mul(unit));
    span.ok_or_else(|| "a span is a number of seconds, or one with a unit: 90s, 5m, 2h, 1d".to_owned())
}

/// A moment in ms since 1970: RFC 3339, or a span from now on such as `+2h`.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    from(text, now_ms())
}

fn from(text: &str, now: i64) -> Result<i64, String> {
    if let Some(span) = text.strip_prefix('+') {
        return Ok(now.saturating_add(i64::from(seconds(span)?) * 1000));
    }
    let moment: Result<Timestamp, _> = text.parse();
    moment.map(Timestamp::as_millisecond).map_err(|_| {
        "a moment has a date, a time and a zone, such as 2027-01-31T22:00:00Z or 2027-01-31T22:00:00+01:00; \
         or it is a span from now on, such as +2h"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_may_have_a_unit() {
        let spans = ["0", "90", "90s", "5m", "5min", "2h", "1d", "5 m"].map(seconds);
        assert_eq!(spans.map(Result::unwrap), [0, 90, 90, 300, 300, 7200, 86_400, 300]);
        for wrong in ["", "h", "-1", "+1", "1.5h", "1w", "1h30m", "4294967296", "4294967295h"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_has_a_zone_or_is_from_now_on() {
        let now = 1_795_550_400_000;
        assert_eq!(from("+2h", now), Ok(now + 7_200_000));
        assert_eq!(from("2026-11-24T20:00:00Z", 0), Ok(now));
        assert_eq!(from("2026-11-24T21:00:00+01:00", 0), Ok(now));
        for wrong in ["", "2h", "+", "2026-11-24", "2026-11-24T20:00:00", "tomorrow"] {
            assert!(from(wrong, now).is_err(), "{wrong}");
        }
    }
}
