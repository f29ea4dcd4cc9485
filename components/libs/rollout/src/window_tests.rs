//! Windows across midnight and across each kind of change of the clocks.

use proptest::prelude::*;

use super::*;

fn ms(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_millisecond()
}

fn schedule(text: &str) -> Schedule {
    Schedule::parse(0, text).unwrap()
}

/// When `text` opens, asked at each instant: `open`, or the instant, to the minute.
fn openings<const N: usize>(text: &str, asked: [&str; N]) -> [String; N] {
    let schedule = schedule(text);
    asked.map(|now| {
        let opens_at = schedule.opens_at(ms(now));
        opens_at.map_or("open".to_owned(), |at| timestamp(at).strftime("%m-%dT%H:%MZ").to_string())
    })
}

#[test]
fn a_window_over_midnight_is_one_window() {
    let asked = ["2026-06-01T19:59Z", "2026-06-01T20:00Z", "2026-06-02T01:59Z", "2026-06-02T02:00Z"];
    let expected = ["06-01T20:00Z", "open", "open", "06-02T20:00Z"];
    assert_eq!(openings("Europe/Berlin 22:00-04:00", asked), expected);
}

#[test]
fn the_nearest_of_several_windows_opens() {
    let asked = ["2026-06-01T09:00Z", "2026-06-01T11:00Z", "2026-06-01T10:30Z", "2026-06-01T21:00Z"];
    let expected = ["06-01T10:00Z", "06-01T20:00Z", "open", "open"];
    assert_eq!(openings("Europe/Berlin 22:00-04:00,12:00-13:00", asked), expected);
}

#[test]
fn berlin_in_spring_skips_from_two_to_three() {
    // 2026-03-29: 01:00Z is 03:00 on the wall.
    let asked = ["2026-03-28T12:00Z", "2026-03-29T00:59Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"];
    let starts_in_it = ["03-29T01:00Z", "03-29T01:00Z", "open", "03-30T00:30Z"];
    assert_eq!(openings("Europe/Berlin 02:30-04:00", asked), starts_in_it.map(str::to_owned));
    let wholly_in_it = ["03-30T00:15Z", "03-30T00:15Z", "03-30T00:15Z", "03-30T00:15Z"];
    assert_eq!(openings("Europe/Berlin 02:15-02:45", asked), wholly_in_it);
    let over_it = ["03-28T21:00Z", "open", "open", "03-29T20:00Z"];
    assert_eq!(openings("Europe/Berlin 22:00-04:00", asked), over_it);
}

#[test]
fn berlin_in_autumn_has_the_hour_from_two_to_three_twice() {
    // 2026-10-25: 00:00Z is 02:00, and 01:00Z is 02:00 again.
    let asked = [
        "2026-10-24T23:59Z",
        "2026-10-25T00:15Z",
        "2026-10-25T00:45Z",
        "2026-10-25T01:15Z",
        "2026-10-25T01:45Z",
    ];
    let in_it = ["10-25T00:15Z", "open", "10-25T01:15Z", "open", "10-26T01:15Z"];
    assert_eq!(openings("Europe/Berlin 02:15-02:45", asked), in_it);
    let ends_in_it = ["open", "open", "10-25T01:00Z", "open", "10-26T00:30Z"];
    assert_eq!(openings("Europe/Berlin 01:30-02:30", asked), ends_in_it);
}

#[test]
fn new_york_changes_at_two_in_the_morning() {
    // 2026-03-08: 07:00Z is 03:00. 2026-11-01: 05:00Z is 01:00, and 06:00Z is 01:00 again.
    let spring = openings(
        "America/New_York 02:00-06:00",
        ["2026-03-08T06:59Z", "2026-03-08T07:00Z", "2026-03-08T10:00Z"],
    );
    assert_eq!(spring, ["03-08T07:00Z", "open", "03-09T06:00Z"]);
    let autumn = [
        "2026-11-01T04:59Z",
        "2026-11-01T05:00Z",
        "2026-11-01T05:30Z",
        "2026-11-01T06:29Z",
        "2026-11-01T06:30Z",
    ];
    let expected = ["11-01T05:00Z", "open", "11-01T06:00Z", "open", "11-02T06:00Z"];
    assert_eq!(openings("America/New_York 01:00-01:30", autumn), expected);
}

#[test]
fn lord_howe_moves_its_clocks_by_half_an_hour() {
    // 2026-04-05: 14:30Z of the 4th is 01:30, the second time; +11 becomes +10:30.
    let autumn = [
        "2026-04-04T14:29Z",
        "2026-04-04T14:30Z",
        "2026-04-04T14:45Z",
        "2026-04-04T15:00Z",
        "2026-04-04T15:15Z",
    ];
    let expected = ["04-04T14:30Z", "open", "04-04T15:00Z", "open", "04-05T15:00Z"];
    assert_eq!(openings("Australia/Lord_Howe 01:30-01:45", autumn), expected);
    // 2026-10-04: 15:30Z of the 3rd is 02:30; +10:30 becomes +11.
    let spring = ["2026-10-03T15:00Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"];
    let expected = ["10-03T15:30Z", "open", "10-04T15:15Z"];
    assert_eq!(openings("Australia/Lord_Howe 02:15-03:00", spring), expected);
}

#[test]
fn a_day_that_is_skipped_whole_has_no_window() {
    // Samoa went from the end of 2011-12-29 (UTC-10) to 2011-12-31 (UTC+14).
    let asked = ["2011-12-29T23:30Z", "2011-12-30T09:00Z", "2011-12-30T22:00Z"];
    let expected = ["12-30T22:00Z", "12-30T22:00Z", "open"];
    assert_eq!(openings("Pacific/Apia 12:00-13:00", asked), expected);
}

#[test]
fn clocks_that_go_back_over_midnight_open_the_evening_again() {
    // Havana, 2023-11-05: 05:00Z is 00:00 again, after 00:59; Asunción once went from 00:00 to 23:00 of the day before.
    let asked = ["2023-11-05T04:15Z", "2023-11-05T04:45Z", "2023-11-05T05:00Z"];
    assert_eq!(openings("America/Havana 00:00-00:30", asked), ["open", "11-05T05:00Z", "open"]);
    let asked = ["2023-03-26T02:45Z", "2023-03-26T03:00Z", "2023-03-26T04:00Z"];
    assert_eq!(openings("America/Asuncion 23:00-23:30", asked), ["03-26T03:00Z", "open", "03-27T03:00Z"]);
}

#[test]
fn nothing_is_granted_before_the_start() {
    let at_once = Schedule::from_start(0);
    assert_eq!((at_once.opens_at(5), at_once.to_text()), (None, String::new()));
    assert_eq!(Schedule::from_start(7).opens_at(5), Some(7));
    let start = ms("2026-06-01T12:00Z");
    let nightly = Schedule::parse(start, "UTC 22:00-23:00").unwrap();
    assert_eq!(nightly.opens_at(ms("2026-05-01T22:30Z")), Some(ms("2026-06-01T22:00Z")));
    let at_noon = Schedule::parse(start, "UTC 12:00-13:00").unwrap();
    assert_eq!(at_noon.opens_at(0), Some(start));
}

#[test]
fn a_schedule_is_shown_as_it_is_read() {
    for text in ["", "Europe/Berlin 22:00-04:00,12:00-13:00", "UTC 00:00-23:59", "Asia/Kolkata 09:05-09:06"] {
        assert_eq!(schedule(text).to_text(), text);
    }
    assert_eq!(
        schedule("europe/berlin  22:00-04:00, 12:00-13:00").to_text(),
        "Europe/Berlin 22:00-04:00,12:00-13:00"
    );
    assert_eq!(Schedule::new(0, "nowhere", vec![]), Ok(Schedule::from_start(0)));
}

#[test]
fn what_is_no_schedule_is_refused_by_name() {
    let nine = format!("UTC {}", ["01:00-02:00"; 9].join(","));
    let table = [
        ("Europe/Berlin", "`Europe/Berlin` is no schedule"),
        ("Mars/Olympus 22:00-04:00", "`Mars/Olympus` is no time zone"),
        ("Etc/Unknown 22:00-04:00", "`Etc/Unknown` is no time zone"),
        ("UTC 22:00", "`22:00` is no window"),
        ("UTC 22:00-24:00", "`22:00-24:00` is no window"),
        ("UTC 22:60-23:00", "`22:60-23:00` is no window"),
        ("UTC 2:00-3:00", "`2:00-3:00` is no window"),
        ("UTC +2:00-03:00", "`+2:00-03:00` is no window"),
        ("UTC 22:00-22:00", "window starts and ends at 22:00"),
        ("UTC 22:00-23:00,", "`` is no window"),
        (nine.as_str(), "9 windows, must be at most 8"),
    ];
    for (text, expected) in table {
        let error = Schedule::parse(0, text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    assert_eq!(Window::new(1440, 0), Err(BadSchedule::Minute(1440)));
    assert_eq!(Window::new(0, -1), Err(BadSchedule::Minute(-1)));
}

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Havana",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
];

proptest! {
    #[test]
    fn the_next_opening_is_the_first_open_minute(
        zone in prop::sample::select(ZONES.to_vec()),
        spans in prop::collection::vec((0..MINUTES, 1..MINUTES), 1..4),
        minute in ms("2010-01-01T00:00Z") / 60_000..ms("2040-01-01T00:00Z") / 60_000,
    ) {
        let windows = spans.iter().map(|(from, length)| Window::new(*from, (from + length) % MINUTES).unwrap());
        let schedule = Schedule::new(0, zone, windows.collect()).unwrap();
        let now = minute * 60_000;
        // Minute by minute, as a clock on the wall would.
        let first_open = (0..=DAYS * MINUTES).map(|n| now + n * 60_000).find(|moment| schedule.is_open(*moment)).unwrap();
        prop_assert_eq!(schedule.opens_at(now), (first_open > now).then_some(first_open));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}", starts_at: i64, now: i64) {
        if let Ok(schedule) = Schedule::parse(starts_at, &text) {
            prop_assert_eq!(Schedule::parse(starts_at, &schedule.to_text()), Ok(schedule.clone()));
            prop_assert!(schedule.opens_at(now).is_none_or(|at| at > now || now == i64::MAX));
        }
    }

    #[test]
    fn any_moment_has_an_answer(now: i64, starts_at: i64) {
        let schedule = Schedule::parse(starts_at, "Europe/Berlin 02:30-03:00").unwrap();
        prop_assert!(schedule.opens_at(now).is_none_or(|at| at >= now));
    }
}
