//! How fast a job goes: devices at work at once, its pace, its start, its windows across daylight saving.

use ota_ledger::download::Begun;
use ota_ledger::job::NewJob;
use ota_ledger::offer::Offers;
use ota_protocol::link::Link;
use ota_rollout::{Mode, Reasons, Retry, Schedule, TaskState, Terms};

use crate::ledger::store::{START, Store, id, terms};

/// 2027-03-28T01:00Z, when Berlin goes from 02:00 to 03:00.
const SPRING: i64 = 1_806_195_600_000;
/// 2027-10-31T01:00Z, when Berlin goes from 03:00 back to 02:00.
const AUTUMN: i64 = 1_824_944_400_000;
const MINUTE: i64 = 60_000;

fn scheduled(store: &Store, mode: Mode, starts_at: i64, windows: &str) -> String {
    let schedule = Schedule::parse(starts_at, windows).unwrap();
    let terms = Terms { reachable_within: 172_800_000, ..terms(10) };
    store.create(NewJob { mode, schedule, terms, ..store.new_job("2") })
}

fn offer(store: &Store, device: &str) -> Option<Link> {
    match store.act(|ledger| ledger.offers(&id(device)).unwrap()) {
        Offers::List(list) => list.into_iter().next().map(|offer| offer.link),
        Offers::Unknown => panic!("{device} is not registered"),
    }
}

fn begin(store: &Store, link: &Link) -> Begun {
    store.act(|ledger| ledger.begin(link).unwrap())
}

#[test]
fn no_more_devices_are_at_work_than_may_be() {
    let store = Store::with_devices(6);
    let job = store.job(Mode::Push, Terms { max_in_flight: 2, ..terms(10) });
    assert_eq!(store.sweep().granted, 2);
    assert!(
        store.devices_in(&job, TaskState::Waiting).iter().all(|device| store.inform(device, "1").is_none())
    );
    let [one, other] = store.devices_in(&job, TaskState::Granted).try_into().unwrap();
    store.succeed(&one);
    assert_eq!(store.sweep().granted, 1);
    store.fail(&other);
    assert_eq!(store.sweep().granted, 1, "one that was lost is not at work");
    assert_eq!(store.counters(&job).in_flight, 2);
    store.check(&job);
}

#[test]
fn a_download_waits_while_as_many_as_may_be_are_at_work() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Request, Terms { max_in_flight: 1, ..terms(10) });
    let (first, second) = (offer(&store, "d0").unwrap(), offer(&store, "d1").unwrap());
    assert_eq!((begin(&store, &first), begin(&store, &second)), (Begun::Yes, Begun::Later));
    store.report("d1", -2);
    assert_eq!(store.state(&job, "d1"), TaskState::Waiting, "what it could not begin, it did not fail");
    store.inform("d0", "2");
    assert_eq!(begin(&store, &offer(&store, "d1").unwrap()), Begun::Yes);
    store.check(&job);
}

#[test]
fn a_paced_job_grants_its_share_of_each_minute_and_saves_nothing_up() {
    let store = Store::with_devices(40);
    let job = store.job(Mode::Push, Terms { per_minute: 6, ..terms(100) });
    let grants_in_a_minute = || -> u64 {
        let grants = (0..60).map(|_| {
            store.pass(1000);
            store.sweep().granted
        });
        grants.sum()
    };
    assert_eq!(store.sweep().granted, 1);
    assert_eq!(grants_in_a_minute(), 6);
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    grants_in_a_minute();
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert!(grants_in_a_minute() <= 7, "a minute that was not used is gone");
    let waiting = store.devices_in(&job, TaskState::Waiting);
    assert!(store.inform(&waiting[0], "1").is_none(), "informing is no way around it");
    assert_eq!(
        store
            .act(|ledger| ledger.amend_job(&job, |terms| Terms { per_minute: 0, ..terms }))
            .unwrap()
            .terms
            .per_minute,
        0
    );
    assert!(store.inform(&waiting[0], "1").is_some());
    store.check(&job);
}

#[test]
fn nothing_is_granted_before_the_start() {
    let store = Store::with_devices(2);
    let job = scheduled(&store, Mode::Push, START + 5 * MINUTE, "");
    assert!(store.inform("d0", "1").is_none());
    assert_eq!(store.sweep().granted, 0);
    store.pass(5 * MINUTE - 1);
    assert_eq!(store.sweep().granted, 0);
    store.pass(1);
    assert_eq!(store.sweep().granted, 2);
    store.check(&job);
}

#[test]
fn a_window_in_the_hour_that_spring_skips_opens_when_the_clocks_have_gone_forward() {
    let store = Store::with_devices(2);
    store.turn_to(SPRING - MINUTE);
    let job = scheduled(&store, Mode::Push, 0, "Europe/Berlin 02:30-04:00");
    for device in ["d0", "d1"] {
        assert!(store.inform(device, "1").is_none());
    }
    assert_eq!(store.sweep().granted, 0);
    store.turn_to(SPRING);
    assert_eq!(store.sweep().granted, 2, "03:00 on the wall");
    store.check(&job);
}

#[test]
fn a_window_in_the_hour_that_autumn_repeats_opens_twice() {
    let store = Store::with_devices(8);
    store.turn_to(AUTUMN - 120 * MINUTE);
    scheduled(&store, Mode::Push, 0, "Europe/Berlin 02:15-02:45");
    let mut told = Vec::new();
    for (device, minute) in
        [("d0", -46), ("d1", -45), ("d2", -16), ("d3", -15), ("d4", 14), ("d5", 15), ("d6", 44), ("d7", 45)]
    {
        store.turn_to(AUTUMN + minute * MINUTE);
        told.push(store.inform(device, "1").is_some());
    }
    assert_eq!(told, [false, true, true, false, false, true, true, false]);
}

#[test]
fn a_closed_window_keeps_no_device_from_beginning_that_was_granted_while_it_was_open() {
    let store = Store::with_devices(2);
    // START is 2027-01-15, 09:00 in Berlin.
    let job = scheduled(&store, Mode::Push, 0, "Europe/Berlin 08:00-09:05");
    let link = store.inform("d0", "1").unwrap().link;
    store.pass(5 * MINUTE);
    assert!(store.inform("d1", "1").is_none());
    assert_eq!(store.sweep().granted, 0);
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "its time for a first sign is over");
    assert!(matches!(begin(&store, &link), Begun::Gone(_)));
    store.pass(23 * 60 * MINUTE);
    let link = store.inform("d1", "1").unwrap().link;
    store.act(|ledger| {
        ledger.acknowledge(&id("d1"), store.task(&job, "d1").push_id.as_deref().unwrap(), None).unwrap()
    });
    store.pass(MINUTE);
    assert_eq!(begin(&store, &link), Begun::Yes);
    store.check(&job);
}

#[test]
fn a_closed_window_offers_nothing_and_lets_an_offer_wait() {
    let store = Store::with_devices(2);
    let job = scheduled(&store, Mode::Request, 0, "Europe/Berlin 08:00-09:02");
    let link = offer(&store, "d0").unwrap();
    store.pass(2 * MINUTE);
    assert!(offer(&store, "d1").is_none());
    assert_eq!(begin(&store, &link), Begun::Later);
    store.report("d0", 20);
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "a report is no way around it");
    store.check(&job);
}

#[test]
fn a_job_that_waits_for_its_window_costs_the_sweep_nothing_until_it_opens() {
    let store = Store::with_devices(2);
    scheduled(&store, Mode::Push, 0, "Europe/Berlin 22:00-23:00");
    store.sweep();
    let quiet = store.sql.count(|| store.sweep()).0;
    let idle = Store::with_devices(2);
    assert_eq!(quiet, idle.sql.count(|| idle.sweep()).0);
}

#[test]
fn a_device_at_risk_that_misses_a_whole_window_is_lost_however_short_the_windows_are() {
    let store = Store::with_devices(1);
    let schedule = Schedule::parse(0, "Europe/Berlin 09:00-09:01").unwrap();
    let retry = Retry { attempts: 2, backoff: 1000, reasons: Reasons::ALL };
    let terms = Terms { retry, reachable_within: 1000, ..terms(10) };
    let job = store.create(NewJob { schedule, terms, ..store.new_job("2") });
    let link = store.inform("d0", "1").unwrap().link;
    assert_eq!(begin(&store, &link), Begun::Yes);
    store.report("d0", -2);
    store.pass(5000);
    store.sweep();
    store.pass(100_000);
    store.sweep();
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting, "its time was not over when the window was");
    store.turn_to(START + 24 * 60 * MINUTE + 99_999);
    store.sweep();
    assert_eq!(store.state(&job, "d0"), TaskState::Waiting);
    store.pass(1);
    store.sweep();
    assert_eq!(store.state(&job, "d0"), TaskState::TimedOut);
    store.check(&job);
}
