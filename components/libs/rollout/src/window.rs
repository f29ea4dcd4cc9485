//! When a job may grant: from its start on, in daily windows of local time.
//!
//! The clock and the text are arguments; the zones are those of the database that is linked in, so that every machine
//! reads the same schedule alike and a component needs no files.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

/// When a job may grant. It never keeps a device that was granted from beginning.
///
/// A window is local wall time, on every day: it is open while the clock on the wall shows it. So a window that starts
/// in the hour which daylight saving skips opens at the next moment that exists, one that lies wholly in that hour
/// stays closed on that day, and one in the hour that comes twice opens for both.
///
/// ```
/// use ota_rollout::Schedule;
/// let schedule = Schedule::parse(0, "Europe/Berlin 22:00-04:00,12:00-13:00").unwrap();
/// let noon = 1_774_695_600_000; // 2026-03-28 12:00 in Berlin
/// assert_eq!(schedule.opens_at(noon), None);
/// assert_eq!(schedule.opens_at(noon + 3_600_000), Some(noon + 10 * 3_600_000));
/// assert_eq!(schedule.to_text(), "Europe/Berlin 22:00-04:00,12:00-13:00");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    starts_at: i64,
    zone: TimeZone,
    windows: Vec<Window>,
}

impl Schedule {
    /// The most windows that a schedule may have.
    pub const MOST_WINDOWS: usize = 8;

    /// From `starts_at` (ms since 1970; 0 is at once) on, without windows.
    pub fn from_start(starts_at: i64) -> Self {
        Self { starts_at, zone: TimeZone::UTC, windows: Vec::new() }
    }

    /// From `starts_at` (ms since 1970) on, in `windows` of the IANA time zone `zone`; without windows always.
    pub fn new(starts_at: i64, zone: &str, windows: Vec<Window>) -> Result<Self, BadSchedule> {
        if windows.is_empty() {
            return Ok(Self::from_start(starts_at));
        }
        if windows.len() > Self::MOST_WINDOWS {
            return Err(BadSchedule::TooMany(windows.len()));
        }
        let known = TimeZoneDatabase::bundled().get(zone).ok().filter(|zone| !zone.is_unknown());
        let zone = known.ok_or_else(|| BadSchedule::Zone(zone.to_owned()))?;
        Ok(Self { starts_at, zone, windows })
    }

    /// From `starts_at` (ms since 1970) on, in the windows of `text`: what [`Schedule::to_text`] shows.
    pub fn parse(starts_at: i64, text: &str) -> Result<Self, BadSchedule> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::from_start(starts_at));
        }
        let (zone, windows) = text.split_once(' ').ok_or_else(|| BadSchedule::Text(text.to_owned()))?;
        let windows =
            windows.split(',').map(|window| Window::parse(window.trim())).collect::<Result<_, _>>()?;
        Self::new(starts_at, zone, windows)
    }

    /// The time zone and its windows, as a ledger stores them; empty without windows.
    pub fn to_text(&self) -> String {
        let windows: Vec<String> = self.windows.iter().map(Window::to_string).collect();
        self.zone().map_or_else(String::new, |zone| format!("{zone} {}", windows.join(",")))
    }

    /// When the job may grant first (ms since 1970).
    pub fn starts_at(&self) -> i64 {
        self.starts_at
    }

    /// The name of the time zone, when there are windows.
    pub fn zone(&self) -> Option<&str> {
        self.zone.iana_name().filter(|_| !self.windows.is_empty())
    }

    /// The windows; none is always open.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// `None` when the job may grant at `now` (ms since 1970), otherwise the next moment at which it may.
    pub fn opens_at(&self, now: i64) -> Option<i64> {
        let first = now.max(self.starts_at);
        if self.is_open(first) {
            return (first > now).then_some(first);
        }
        let openings = self.candidates(first).filter(|moment| *moment > first && self.is_open(*moment));
        // A daily window opens within the days that are searched; were it not so, the question is asked again then.
        Some(openings.min().unwrap_or_else(|| first.saturating_add(DAY)))
    }

    fn is_open(&self, moment: i64) -> bool {
        self.windows.is_empty() || {
            let wall = self.zone.to_datetime(timestamp(moment));
            let minute = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
            self.windows.iter().any(|window| window.contains(minute))
        }
    }

    /// The moments, in the days around `first`, at which a closed schedule may open: each start of a window, and each
    /// change of the clocks.
    fn candidates(&self, first: i64) -> impl Iterator<Item = i64> {
        let first = timestamp(first);
        let today = self.zone.to_datetime(first).date();
        let changes = self.zone.following(first).map(|change| change.timestamp().as_millisecond());
        let changes = changes.take_while(move |moment| *moment - first.as_millisecond() < DAYS * DAY);
        let days = (-1..DAYS).filter_map(move |day| today.checked_add(day.days()).ok());
        let starts =
            days.flat_map(move |day| self.windows.iter().flat_map(move |window| self.starts(day, *window)));
        changes.chain(starts)
    }

    /// The moments at which the wall shows the start of `window` on `day`: one, two when the hour comes twice, and
    /// when it is skipped those that it would have been (the change of the clocks itself is a candidate).
    fn starts(&self, day: Date, window: Window) -> Vec<i64> {
        let wall = window.start_on(day);
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        let moments = [ambiguous.earlier(), ambiguous.later()];
        moments.into_iter().flatten().map(Timestamp::as_millisecond).collect()
    }
}

/// How many days are searched for an opening: a day may be skipped whole (Samoa, 2011-12-30).
const DAYS: i64 = 4;
/// A day (ms).
const DAY: i64 = 86_400_000;

/// The moment, or the nearest that has a date.
fn timestamp(moment: i64) -> Timestamp {
    let nearest = if moment < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(moment).unwrap_or(nearest)
}

/// A span of each day in local wall time, to the minute: from the first minute on, up to but without the last; past
/// midnight when it ends before it starts.
///
/// ```
/// use ota_rollout::window::Window;
/// let night = Window::parse("22:00-04:00").unwrap();
/// assert_eq!((night.from(), night.to()), (1320, 240));
/// assert!(Window::parse("04:00-04:00").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    from: i64,
    to: i64,
}

impl Window {
    /// The window between two different minutes of the day, 0..=1439.
    pub fn new(from: i64, to: i64) -> Result<Self, BadSchedule> {
        for minute in [from, to] {
            if !(0..MINUTES).contains(&minute) {
                return Err(BadSchedule::Minute(minute));
            }
        }
        if from == to {
            return Err(BadSchedule::Empty(clock(from)));
        }
        Ok(Self { from, to })
    }

    /// The window that `text` names, `HH:MM-HH:MM`.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let bad = || BadSchedule::Window(text.to_owned());
        let (from, to) = text.split_once('-').ok_or_else(bad)?;
        Self::new(minute(from).ok_or_else(bad)?, minute(to).ok_or_else(bad)?)
    }

    /// Its first minute of the day, 0..=1439.
    pub fn from(self) -> i64 {
        self.from
    }

    /// The minute of the day at which it is over, 0..=1439.
    pub fn to(self) -> i64 {
        self.to
    }

    fn contains(self, minute: i64) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }

    fn start_on(self, day: Date) -> DateTime {
        let part = |value: i64| i8::try_from(value).unwrap_or(0);
        day.at(part(self.from / 60), part(self.from % 60), 0, 0)
    }
}

/// The minutes of a day.
const MINUTES: i64 = 1440;

/// `HH:MM` as a minute of the day.
fn minute(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, end: i64| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|value| is_two_digits && *value < end)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", clock(self.from), clock(self.to))
    }
}

/// A schedule that no job may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// The database has no such zone.
    #[error("`{0}` is no time zone, must be a name such as Europe/Berlin")]
    Zone(String),
    /// Not a zone and its windows.
    #[error("`{0}` is no schedule, must be a time zone and windows such as `Europe/Berlin 22:00-04:00`")]
    Text(String),
    /// Not two times of the day.
    #[error("`{0}` is no window, must be two times of the day such as 22:00-04:00")]
    Window(String),
    /// Not a minute of a day.
    #[error("minute of the day is {0}, must be 0 to {last}", last = MINUTES - 1)]
    Minute(i64),
    /// A window that ends where it starts.
    #[error("window starts and ends at {0}, must end at another time; without windows a job is open all day")]
    Empty(String),
    /// More windows than a schedule may have.
    #[error("{0} windows, must be at most {most}", most = Schedule::MOST_WINDOWS)]
    TooMany(usize),
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
