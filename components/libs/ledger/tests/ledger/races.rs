//! Connections that race for real: whatever their order, the bound holds, counters count, and nothing is left behind.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ota_ledger::deliver::Recipient;
use ota_ledger::job::NewJob;
use ota_ledger::presence::{Change, Session};
use ota_ledger::registry::ProductTerms;
use ota_ledger::scope::Scope;
use ota_ledger::{Ledger, Row, Sql, SqlError, Value};
use ota_rollout::{JobState, Mode, Retry, TaskState, Terms};

use crate::database::{DIALECT, Shared};
use crate::ledger::store::{Store, heard, id, object_of, pk, terms, ver};

const DEVICES: usize = 12;

/// A ledger with devices on version 1, and firmware 2.
fn shared() -> Shared {
    let shared = Shared::new();
    let store = Store::over(shared.connect(), 1);
    store.act(|ledger| ledger.create_product(&pk(), &ProductTerms::default()).unwrap());
    store.add_firmware("2");
    for n in 0..DEVICES {
        store.add_device(&format!("d{n}"));
        store.inform(&format!("d{n}"), "1");
    }
    shared
}

/// Numbers that look random, the same in each run of a `seed`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// What devices, sweeps and operators do, in any order; a ledger that is busy refuses, and is asked again by nobody.
fn act_at_random(store: &Store, numbers: &mut Numbers, job: &str) {
    let device = format!("d{}", numbers.below(DEVICES));
    match numbers.below(8) {
        0..3 => {
            let told = store.act(|ledger| ledger.inform(&heard(&device), &ver("1")));
            if let Ok(ota_ledger::inform::Told::Known(Some(command))) = told {
                drop(store.act(|ledger| ledger.begin(&command.link)));
            }
        }
        3 => drop(store.act(|ledger| ledger.inform(&heard(&device), &ver("2")))),
        4 => drop(store.act(|ledger| ledger.progress(&heard(&device), -2, None))),
        5 => drop(store.act(|ledger| ledger.progress(&heard(&device), 50, None))),
        6 => drop(store.try_sweep()),
        _ => drop(store.act(|ledger| ledger.retry_task(job, &id(&device).device))),
    }
}

#[test]
fn the_bound_and_the_counters_hold_whatever_races() {
    let shared = shared();
    let retry = Retry { attempts: 2, backoff: 1000, ..Retry::DEFAULT };
    let store = Store::over(shared.connect(), 2);
    let job = store.job(Mode::Push, Terms { retry, max_failure_rate: 1000, ..terms(3) });
    thread::scope(|scope| {
        for seed in 10..14 {
            let (shared, job) = (&shared, job.as_str());
            scope.spawn(move || {
                let store = Store::over(shared.connect(), seed);
                let mut numbers = Numbers(seed);
                (0..60).for_each(|_| act_at_random(&store, &mut numbers, job));
            });
        }
    });
    store.check(&job);
    let counters = store.counters(&job);
    // What came back and left again moves the bound below what is exposed; nothing else does.
    let reverts = store.events(&job).iter().filter(|kind| *kind == "reverted").count();
    assert!(counters.exposed <= 3 + i64::try_from(reverts).unwrap(), "{counters:?}");
}

#[test]
fn no_task_is_made_for_hardware_that_was_replaced_or_taken_away_meanwhile() {
    let shared = shared();
    let jobs: Vec<String> = thread::scope(|scope| {
        let creating = scope.spawn(|| {
            let store = Store::over(shared.connect(), 20);
            let created = (0..12).filter_map(|_| {
                let new = store.new_job("2");
                store.act(|ledger| ledger.create_job(&new)).ok().map(|job| job.job)
            });
            created.collect()
        });
        scope.spawn(|| {
            let store = Store::over(shared.connect(), 21);
            for n in 0..DEVICES {
                let device = id(&format!("d{n}"));
                if n % 2 == 0 {
                    drop(store.act(|ledger| ledger.replace_device(&device, "anew")));
                } else {
                    drop(store.act(|ledger| ledger.delete_device(&device)));
                }
            }
        });
        creating.join().unwrap()
    });
    let store = Store::over(shared.connect(), 22);
    assert!(!jobs.is_empty());
    for job in jobs {
        for task in store.tasks(&job).iter().filter(|task| task.task.state == TaskState::Waiting) {
            let device = store.act(|ledger| ledger.device(&task.id).unwrap());
            let generation = device.map(|(device, ..)| device.generation);
            assert_eq!(generation, Some(task.generation), "{} waits for ever", task.id);
        }
        store.check(&job);
    }
}

#[test]
fn a_device_that_is_tagged_while_jobs_are_created_is_in_each_of_them() {
    let shared = shared();
    let jobs: Vec<String> = thread::scope(|scope| {
        let creating = scope.spawn(|| {
            let store = Store::over(shared.connect(), 30);
            let scope = Scope { tags: vec!["blue".to_owned()], ..Scope::default() };
            let created = (0..12).filter_map(|_| {
                let new = NewJob { scope: scope.clone(), is_incremental: true, ..store.new_job("2") };
                store.act(|ledger| ledger.create_job(&new)).ok().map(|job| job.job)
            });
            created.collect()
        });
        scope.spawn(|| {
            let store = Store::over(shared.connect(), 31);
            for n in 0..DEVICES {
                let device = id(&format!("d{n}"));
                while store.act(|ledger| ledger.set_tags(&device, &["blue".to_owned()])).is_err() {}
            }
        });
        creating.join().unwrap()
    });
    let store = Store::over(shared.connect(), 32);
    assert!(!jobs.is_empty());
    for job in jobs {
        assert_eq!(store.record(&job).devices, 12, "{job}");
        store.check(&job);
    }
}

#[test]
fn no_job_runs_with_a_firmware_that_was_quarantined_meanwhile() {
    let shared = shared();
    let store = Store::over(shared.connect(), 50);
    let paused: Vec<String> = (0..8).map(|_| store.job(Mode::Push, terms(3))).collect();
    for job in &paused {
        store.act(|ledger| ledger.pause_job(job).unwrap());
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            let store = Store::over(shared.connect(), 51);
            for job in &paused {
                drop(store.act(|ledger| ledger.resume_job(job)));
            }
        });
        scope.spawn(|| {
            let store = Store::over(shared.connect(), 52);
            for _ in 0..8 {
                drop(store.act(|ledger| ledger.create_job(&store.new_job("2"))));
            }
        });
        while quarantine(&store).is_err() {}
    });
    for job in store.act(|ledger| ledger.jobs(None, None, 100).unwrap()) {
        assert_ne!(job.state, JobState::Running, "{} runs", job.job);
    }
}

/// A database that commits only when it is let.
struct Held<'h> {
    sql: &'h dyn Sql,
    is_about_to: mpsc::Sender<()>,
    may: mpsc::Receiver<()>,
}

impl Sql for Held<'_> {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        if sql == "COMMIT" {
            self.is_about_to.send(()).unwrap();
            self.may.recv().unwrap();
        }
        self.sql.execute(sql, params)
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.sql.query(sql, params)
    }
}

/// A pause that passed by a resume under way would be answered, and downloads would begin all the same.
#[test]
fn a_pause_waits_for_a_resume_under_way_and_is_the_last_word() {
    let shared = shared();
    let store = Store::over(shared.connect(), 2);
    let job = store.job(Mode::Push, terms(3));
    store.act(|ledger| ledger.pause_job(&job).unwrap());
    let (is_about_to, about_to_commit) = mpsc::channel();
    let (let_commit, may) = mpsc::channel();
    thread::scope(|scope| {
        let (shared, job) = (&shared, job.as_str());
        scope.spawn(move || {
            let store = Store::over(shared.connect(), 3);
            let sql = Held { sql: &store.sql, is_about_to, may };
            Ledger::new(&sql, DIALECT, &|| 7).resume_job(job).unwrap();
        });
        about_to_commit.recv().unwrap();
        let pause = scope.spawn(move || {
            Store::over(shared.connect(), 4).act(|ledger| ledger.pause_job(job).unwrap().state)
        });
        // Long enough to pass by, were it not to wait.
        thread::sleep(Duration::from_millis(300));
        let_commit.send(()).unwrap();
        assert_eq!(pause.join().unwrap(), JobState::Paused);
    });
    assert_eq!(store.act(|ledger| ledger.job(&job).unwrap().unwrap().state), JobState::Paused);
}

#[test]
fn no_two_wait_for_each_other_whoever_changes_the_same_devices_and_jobs() {
    let shared = shared();
    let store = Store::over(shared.connect(), 60);
    for to in ["3", "4", "5"] {
        store.add_firmware(to);
        let new = NewJob { is_incremental: true, ..store.new_job(to) };
        let job = store.create(new);
        store.act(|ledger| ledger.pause_job(&job).unwrap());
    }
    let stuck: Vec<String> = thread::scope(|scope| {
        let racers: Vec<_> = (61..66)
            .map(|seed| {
                let shared = &shared;
                scope.spawn(move || {
                    let store = Store::over(shared.connect(), seed);
                    let mut numbers = Numbers(seed);
                    (0..60).filter_map(|_| wear(&store, &mut numbers).err()).map(|error| error.0).collect()
                })
            })
            .collect();
        racers.into_iter().flat_map(|racer| -> Vec<String> { racer.join().unwrap() }).collect()
    });
    let deadlocks: Vec<_> = stuck.iter().filter(|error| error.contains("deadlock")).collect();
    assert_eq!(deadlocks, Vec::<&String>::new());
    for job in store.act(|ledger| ledger.jobs(None, None, 100).unwrap()) {
        store.check(&job.job);
    }
}

/// Whatever touches many tasks of a device, many devices, or many jobs.
fn wear(store: &Store, numbers: &mut Numbers) -> Result<(), SqlError> {
    let device = id(&format!("d{}", numbers.below(DEVICES)));
    let bridge = Some(format!("b{}", numbers.below(2)));
    let session = Session { id: device.clone(), bridge, number: i64::try_from(numbers.below(100)).unwrap() };
    store.act(|ledger| match numbers.below(10) {
        0..3 => ledger.inform(&heard(device.device.as_str()), &ver("1")).map(drop),
        3..5 => {
            let change = if numbers.below(2) == 0 { Change::Connected } else { Change::Disconnected };
            ledger.changed(&[(session, change)]).map(drop)
        }
        5 => ledger.replace_device(&device, "anew").map(drop),
        6 => ledger.set_tags(&device, &[format!("t{}", numbers.below(3))]).map(drop),
        7 => ledger.quarantine(&pk(), &ver("5"), &object_of("5"), &device, "damaged").map(drop),
        8 => {
            let bridge = Recipient::Bridge { name: "b0", is_reporting: numbers.below(2) == 0 };
            ledger.deliveries(bridge, &|| true).map(drop)
        }
        _ => {
            // So long that who waits is no longer ready, and a bridge that is silent is suspected.
            store.pass(301_000);
            ledger.sweep().map(drop)
        }
    })
}

fn quarantine(store: &Store) -> Result<(), SqlError> {
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged")).map(drop)
}

#[test]
fn one_firmware_version_is_registered_once_and_places_in_the_order_are_distinct() {
    let shared = shared();
    thread::scope(|scope| {
        for seed in 40..44 {
            let shared = &shared;
            scope.spawn(move || {
                let store = Store::over(shared.connect(), seed);
                (0..5).for_each(|n| store.push_firmware(&format!("{}", 10 + n)));
            });
        }
    });
    let store = Store::over(shared.connect(), 45);
    let firmware = store.act(|ledger| ledger.firmware_of(&pk()).unwrap());
    let sequences: Vec<_> = firmware.iter().map(|firmware| firmware.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
}
