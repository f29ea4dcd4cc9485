//! The promises on both databases, under schedules that go through statement by statement.
//!
//! `OTA_SCHEDULE_SECONDS` says for how long each database is tried, `OTA_SCHEDULE_SEED` with which seed it begins,
//! `OTA_SCHEDULE_SHORTER` for how long (s) a schedule that breaks a promise is made shorter, and
//! `OTA_SCHEDULE_PROMISE` names the only promise that is asked for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::time::Duration;

use ota_postgres::{Database, Server, Settings};
use ota_schedule::{Limit, Store, run, steps};

/// Seeds of schedules that once broke a promise.
const KEPT: &str = include_str!("../seeds.txt");

/// How long each database is tried when nobody says otherwise (s).
const SECONDS: u64 = 45;

/// How long a shorter schedule is looked for (s).
const SHORTER: u64 = 20;

/// Databases that are tried at once: a schedule mostly waits for its next statement, of a server the longer.
const LANES: [usize; 2] = [3, 6];

#[test]
fn the_promises_hold_on_sqlite_whoever_goes_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = |n: usize| Store::Sqlite(folder.path().join(format!("{n}.db")));
    let stores: Vec<Store> = (0..LANES[0]).map(file).collect();
    println!("sqlite: {}", run(&stores, &kept(), &limit()));
}

#[test]
fn the_promises_hold_on_postgres_whoever_goes_next() {
    let server = Server::start_with(&Settings { is_fast: true, ..Settings::default() }).unwrap();
    let databases: Vec<Database> = (0..LANES[1]).map(|_| server.database().unwrap()).collect();
    let stores: Vec<Store> = databases.iter().map(|database| Store::Postgres(database.url.clone())).collect();
    println!("postgres: {}", run(&stores, &kept(), &limit()));
}

#[test]
fn a_seed_is_the_same_schedule_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(&Settings { is_fast: true, ..Settings::default() }).unwrap();
    let databases = [server.database().unwrap(), server.database().unwrap()];
    let stores = [
        ["a", "b"].map(|name| Store::Sqlite(folder.path().join(name))),
        databases.each_ref().map(|database| Store::Postgres(database.url.clone())),
    ];
    for [first, second] in &stores {
        let (first, second) = (steps(first, &[1, 2, 3]), steps(second, &[1, 2, 3]));
        let differs = first.iter().zip(&second).find(|(a, b)| a != b);
        assert_eq!(differs, None);
    }
}

fn kept() -> Vec<u64> {
    let lines = KEPT.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| line.parse().unwrap()).collect()
}

fn limit() -> Limit {
    let number = |name: &str, or: u64| env::var(name).map_or(or, |text| text.parse().unwrap());
    Limit {
        first: number("OTA_SCHEDULE_SEED", 1),
        time: Duration::from_secs(number("OTA_SCHEDULE_SECONDS", SECONDS)),
        schedules: number("OTA_SCHEDULE_COUNT", u64::MAX),
        shorter: Duration::from_secs(number("OTA_SCHEDULE_SHORTER", SHORTER)),
        promise: env::var("OTA_SCHEDULE_PROMISE").ok(),
    }
}
