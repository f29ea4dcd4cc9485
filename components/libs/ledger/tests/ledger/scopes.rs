//! Which devices a job takes in, when it is created and later.

use ota_ledger::job::NewJob;
use ota_ledger::record::Duties;
use ota_ledger::scope::Scope;
use ota_protocol::key::DeviceKey;
use ota_protocol::version::Version;
use ota_rollout::{JobState, Kind, Mode, TaskState};

use crate::ledger::store::{Store, id, terms, ver};

fn keys(devices: &[&str]) -> Vec<DeviceKey> {
    devices.iter().map(|device| id(device).device).collect()
}

fn versions(versions: &[&str]) -> Vec<Version> {
    versions.iter().map(|version| ver(version)).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn tag(store: &Store, device: &str, tags: &[&str]) {
    assert!(store.act(|ledger| ledger.set_tags(&id(device), &texts(tags)).unwrap()));
}

/// The devices of a job of this scope.
fn taken(store: &Store, scope: Scope) -> Vec<String> {
    let Ok(job) = store.act(|ledger| ledger.create_job(&NewJob { scope, ..store.new_job("2") })) else {
        return Vec::new();
    };
    store.check(&job.job);
    store.tasks(&job.job).iter().map(|task| task.id.device.to_string()).collect()
}

fn is_in(store: &Store, job: &str, device: &str) -> bool {
    store.tasks(job).iter().any(|task| task.id.device.as_str() == device)
}

#[test]
fn the_parts_of_a_scope_are_all_met() {
    let store = Store::with_devices(5);
    store.add_device("d5");
    store.inform("d3", "1.5");
    tag(&store, "d0", &["blue", "lab"]);
    tag(&store, "d1", &["blue"]);
    tag(&store, "d3", &["blue", "lab"]);
    let none = Scope::default();
    let devices = keys(&["d0", "d1", "d3"]);
    let from = versions(&["1", "1.4"]);
    let tags = texts(&["lab", "blue"]);
    let exclude = keys(&["d0"]);
    for (scope, expected) in [
        (none.clone(), &["d0", "d1", "d2", "d3", "d4", "d5"][..]),
        (Scope { devices: devices.clone(), ..none.clone() }, &["d0", "d1", "d3"]),
        (Scope { from: from.clone(), ..none.clone() }, &["d0", "d1", "d2", "d4"]),
        (Scope { tags: tags.clone(), ..none.clone() }, &["d0", "d3"]),
        (Scope { exclude: exclude.clone(), ..none.clone() }, &["d1", "d2", "d3", "d4", "d5"]),
        (Scope { devices: devices.clone(), from: from.clone(), ..none.clone() }, &["d0", "d1"]),
        (Scope { from: from.clone(), tags: tags.clone(), ..none.clone() }, &["d0"]),
        (Scope { devices: devices.clone(), tags: tags.clone(), ..none.clone() }, &["d0", "d3"]),
        (Scope { devices, from, tags, exclude }, &[]),
        (Scope { tags: texts(&["blue", "blue"]), ..none.clone() }, &["d0", "d1", "d3"]),
        (Scope { tags: texts(&["green"]), ..none }, &[]),
    ] {
        assert_eq!(taken(&store, scope.clone()), expected, "{scope:?}");
    }
}

#[test]
fn tags_are_what_was_set_last_in_the_order_of_their_text() {
    let store = Store::with_devices(1);
    tag(&store, "d0", &["b", "a", "b"]);
    let tags = || store.act(|ledger| ledger.tags(&id("d0")).unwrap());
    assert_eq!(tags(), ["a", "b"]);
    tag(&store, "d0", &[]);
    assert!(tags().is_empty());
    assert!(!store.act(|ledger| ledger.set_tags(&id("d9"), &[]).unwrap()));
}

/// An incremental job from version 1 for what is tagged `blue`.
fn incremental(store: &Store) -> String {
    let scope = Scope { from: versions(&["1"]), tags: texts(&["blue"]), ..Scope::default() };
    store.create(NewJob { scope, is_incremental: true, ..store.new_job("2") })
}

#[test]
fn an_incremental_job_starts_empty_never_ends_and_takes_in_who_meets_its_scope() {
    let store = Store::with_devices(3);
    let job = incremental(&store);
    assert_eq!((store.standing(&job).0, store.record(&job).devices), (JobState::Running, 0));
    tag(&store, "d0", &["blue"]);
    assert!(is_in(&store, &job, "d0"));
    tag(&store, "d1", &["red"]);
    assert!(!is_in(&store, &job, "d1"));
    store.inform("d2", "0.9");
    tag(&store, "d2", &["blue"]);
    assert!(!is_in(&store, &job, "d2"), "not from 0.9");
    let command = store.inform("d2", "1").unwrap();
    assert_eq!(command.link.task, job, "it joins, and is granted, in one");
    tag(&store, "d0", &["red"]);
    assert!(is_in(&store, &job, "d0"), "who is in stays in");
    store.succeed("d0");
    store.act(|ledger| ledger.begin(&command.link).unwrap());
    store.inform("d2", "2");
    assert_eq!((store.standing(&job).0, store.counters(&job).succeeded), (JobState::Running, 2));
    assert_eq!(store.events(&job).iter().filter(|kind| *kind == "joined").count(), 2);
    store.check(&job);
}

#[test]
fn a_device_that_is_there_or_beyond_does_not_join() {
    let store = Store::with_devices(0);
    store.add_firmware("3");
    let job = store.create(NewJob { is_incremental: true, ..store.new_job("2") });
    for (device, version) in [("a", "2"), ("b", "3"), ("c", "0.1")] {
        store.add_device(device);
        store.inform(device, version);
    }
    assert_eq!(store.devices_in(&job, TaskState::Granted), ["c"]);
    assert_eq!(store.record(&job).devices, 1);
    store.check(&job);
}

#[test]
fn devices_join_a_job_that_is_held_paused_or_stopped_and_are_granted_when_it_resumes() {
    let store = Store::with_devices(0);
    let job = store.create(NewJob { is_incremental: true, ..store.new_job("2") });
    let arrive = |device: &str| {
        store.add_device(device);
        assert!(store.inform(device, "1").is_none());
        assert_eq!(store.state(&job, device), TaskState::Waiting);
    };
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    arrive("paused");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    arrive("stopped");
    store.act(|ledger| ledger.resume_job(&job).unwrap());
    assert_eq!(store.sweep().granted, 2);
    store.check(&job);
}

#[test]
fn a_snapshot_takes_in_nobody_later() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.add_device("late");
    assert!(store.inform("late", "1").is_none());
    assert!(!is_in(&store, &job, "late"));
}

#[test]
fn a_verification_job_takes_in_no_more_than_its_firmware_allows() {
    let store = Store::with_devices(0);
    store.add_firmware_with("3", Duties { verify_most: 2, ..Duties::default() });
    let job = store.create(NewJob { kind: Kind::Verify, is_incremental: true, ..store.new_job("3") });
    for device in ["a", "b", "c"] {
        store.add_device(device);
        store.inform(device, "1");
    }
    assert_eq!(store.record(&job).devices, 2);
    store.check(&job);
}

#[test]
fn devices_that_come_while_the_tasks_are_made_are_in_the_job_once() {
    let store = Store::with_devices(1);
    // More than one creation makes at once.
    let insert = "INSERT INTO device (product, device, secret, version, place, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 21000)
        SELECT 'pk', 'f' || CAST(100000 + i AS TEXT), 'sealed', '1', i, 0 FROM n";
    ota_ledger::Sql::execute(&store.sql, insert, &[]).unwrap();
    let job = store.create(NewJob { is_incremental: true, ..store.new_job("2") });
    let record = store.record(&job);
    assert_eq!((record.state, record.devices), (JobState::Preparing, 20_000));
    for device in ["a-behind-the-chunks", "z-ahead-of-them"] {
        store.add_device(device);
        assert!(store.inform(device, "1").is_none(), "it does not run yet");
    }
    assert_eq!(store.record(&job).devices, 20_001);
    while store.record(&job).filled_to.is_some() {
        store.sweep();
    }
    let record = store.record(&job);
    assert_eq!((record.state, record.devices, record.filled_to), (JobState::Running, 21_003, None));
    assert!(store.inform("z-ahead-of-them", "1").is_some());
    assert_eq!(store.act(|ledger| ledger.miscounts(&job).unwrap()), Vec::<String>::new());
}

#[test]
fn a_job_that_is_stopped_while_its_tasks_are_made_goes_on_making_them_when_it_resumes() {
    let store = Store::with_devices(0);
    let insert = "INSERT INTO device (product, device, secret, version, place, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 20500)
        SELECT 'pk', 'f' || CAST(100000 + i AS TEXT), 'sealed', '1', i, 0 FROM n";
    ota_ledger::Sql::execute(&store.sql, insert, &[]).unwrap();
    let job = store.job(Mode::Push, terms(10));
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.sweep();
    assert_eq!(store.record(&job).devices, 20_000);
    assert_eq!(store.act(|ledger| ledger.resume_job(&job).unwrap()).state, JobState::Preparing);
    store.sweep();
    let record = store.record(&job);
    assert_eq!((record.state, record.devices), (JobState::Running, 20_500));
}

#[test]
fn an_incremental_job_whose_budget_is_spent_holds_when_the_next_device_joins() {
    let store = Store::with_devices(1);
    let job = store.create(NewJob { is_incremental: true, terms: terms(1), ..store.new_job("2") });
    store.fail("d0");
    assert_eq!(store.standing(&job).0, JobState::Running, "nobody waits");
    store.add_device("late");
    store.inform("late", "1");
    let why = "loss budget spent: 1 exposed of 1".to_owned();
    assert_eq!(store.standing(&job), (JobState::Held, why));
    store.check(&job);
}

#[test]
fn a_job_of_a_few_devices_is_ready_at_once_in_a_large_fleet() {
    let store = Store::with_devices(3);
    let insert = "INSERT INTO device (product, device, secret, version, place, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 21000)
        SELECT 'pk', 'f' || CAST(100000 + i AS TEXT), 'sealed', '1', i, 0 FROM n";
    ota_ledger::Sql::execute(&store.sql, insert, &[]).unwrap();
    tag(&store, "d0", &["blue", "lab"]);
    tag(&store, "f120500", &["blue"]);
    let tagged = Scope { tags: texts(&["blue"]), ..Scope::default() };
    let named = Scope { devices: keys(&["d1", "f120999"]), ..Scope::default() };
    for (scope, devices) in [(tagged, ["d0", "f120500"]), (named, ["d1", "f120999"])] {
        let (statements, job) =
            store.sql.count(|| store.create(NewJob { kind: Kind::Verify, scope, ..store.new_job("2") }));
        assert_eq!(store.standing(&job).0, JobState::Running);
        assert_eq!(store.tasks(&job).iter().map(|task| task.id.device.as_str()).collect::<Vec<_>>(), devices);
        assert!(statements < 40, "{statements} statements");
    }
}

#[test]
fn a_device_joins_what_it_is_meant_for_however_many_other_jobs_are_open() {
    let store = Store::with_devices(0);
    let of = |tag: &str| Scope { tags: vec![tag.to_owned()], ..Scope::default() };
    store.add_device("d0");
    store.act(|ledger| ledger.set_tags(&id("d0"), &["mine".to_owned()]).unwrap());
    let create = |tag: &str, number: usize| {
        let new = NewJob { scope: of(tag), is_incremental: true, ..store.new_job("2") };
        store.act(|ledger| ledger.create_job(&NewJob { id: format!("{tag}{number:04}"), ..new }).unwrap());
    };
    for number in 0..110 {
        create("a", number);
    }
    for number in 0..105 {
        create("mine", number);
    }
    store.inform("d0", "1");
    let joined = store.act(|ledger| ledger.jobs(None, None, 1000).unwrap());
    let joined = joined.iter().filter(|job| job.devices == 1 && job.job.starts_with("mine")).count();
    assert_eq!(joined, 105);
}
