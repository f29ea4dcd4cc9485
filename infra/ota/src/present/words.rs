//! Numbers, times and sizes in plain words.

/// `1 device`, `2 devices`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// A duration in whole seconds: `45 s`, `2 min`, `1 min 30 s`, `2 h`.
pub(crate) fn seconds(total: u64) -> String {
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60);
    let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
    let told: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if told.is_empty() { "0 s".to_owned() } else { told.join(" ") }
}

/// How long before `now` something at `at` was, both in ms since 1970: `3 s ago`, `2 h ago`.
pub(crate) fn ago(at: i64, now: i64) -> String {
    let passed = u64::try_from(now.saturating_sub(at)).unwrap_or(0) / 1000;
    match passed {
        0..=59 => format!("{passed} s ago"),
        60..=3599 => format!("{} min ago", passed / 60),
        3600..=172_799 => format!("{} h ago", passed / 3600),
        _ => format!("{} days ago", passed / 86_400),
    }
}

/// How a loss budget of `base` grows by `per_mille` of those that came back:
/// `10, and one more for every 10 that came back`.
pub(crate) fn growing(base: u64, per_mille: u64) -> String {
    match per_mille {
        0 => base.to_string(),
        rate if 1000 % rate == 0 => {
            format!("{base}, and one more for every {} that came back", 1000 / rate)
        }
        rate => format!("{base}, and {rate} more for every 1000 that came back"),
    }
}

/// A size in bytes: `512 B`, `390.7 KiB`, `12.0 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of the unit, so that no float is needed.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut units = UNITS.iter().peekable();
    let mut unit = units.next();
    while tenths >= 10_240 && units.peek().is_some() {
        tenths /= 1024;
        unit = units.next();
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, unit.unwrap_or(&"GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "device"), "1 device");
        assert_eq!(count(0, "device"), "0 devices");
    }

    #[test]
    fn durations_leave_out_what_is_zero() {
        assert_eq!([0, 45, 60, 90, 7200].map(seconds), ["0 s", "45 s", "1 min", "1 min 30 s", "2 h"]);
    }

    #[test]
    fn a_time_in_the_future_is_now() {
        assert_eq!(ago(5_000, 1_000), "0 s ago");
        assert_eq!(ago(0, 7_200_000), "2 h ago");
        assert_eq!(ago(0, i64::MAX), "106751991167 days ago");
    }

    #[test]
    fn growth_is_told_in_devices() {
        assert_eq!(growing(10, 0), "10");
        assert_eq!(growing(10, 100), "10, and one more for every 10 that came back");
        assert_eq!(growing(1, 300), "1, and 300 more for every 1000 that came back");
    }

    #[test]
    fn sizes_pick_the_unit_that_reads_best() {
        assert_eq!(
            [0, 1023, 1024, 400_123, 12 << 20, 3 << 30, u64::MAX].map(size),
            ["0 B", "1023 B", "1.0 KiB", "390.7 KiB", "12.0 MiB", "3.0 GiB", "17179869183.9 GiB"]
        );
    }
}
