//! A call that is killed between any two of its statements, and comes again: the end is what it would have been.

use ota_ledger::SqlError;
use ota_ledger::control::NotChanged;
use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::presence::Session;
use ota_ledger::scope::Scope;
use ota_protocol::key::DeviceKey;
use ota_protocol::link::Link;
use ota_rollout::{Mode, Retry, Stage, Terms};

use crate::database::EVERY_CUT;
use crate::ledger::store::{Store, heard, id, object_of, pk, terms, ver};

/// Runs `act` whole; and then for each of its statements in a world of its own, killed before that statement and
/// repeated. After a sweep or two, every world must be as the first.
fn comes_to_the_same_end(prepare: fn() -> Store, act: impl Fn(&Store) -> Result<(), String>) {
    let whole = prepare();
    let (statements, done) = whole.sql.count(|| act(&whole));
    assert_eq!(done, Ok(()));
    assert!(statements > 2, "{statements} statements");
    let expected = end(&whole);
    for cut in (0..statements).step_by(EVERY_CUT) {
        let store = prepare();
        store.sql.fails_after.set(Some(cut));
        let killed = act(&store);
        store.sql.fails_after.set(None);
        // Its connection is dropped, and with it what it had open.
        let _ = ota_ledger::Sql::execute(&store.sql, "ROLLBACK", &[]);
        if killed.is_err() {
            assert_eq!(act(&store), Ok(()), "again after statement {cut}");
        }
        assert_eq!(end(&store), expected, "killed before statement {cut} of {statements}");
    }
}

/// All that matters of a ledger, once the sweep has come round.
fn end(store: &Store) -> Vec<String> {
    for _ in 0..3 {
        store.sweep();
    }
    let mut all = Vec::new();
    let jobs = ota_ledger::Sql::query(&store.sql, "SELECT job FROM job ORDER BY job", &[]).unwrap();
    for row in jobs {
        let job = row.text(0).unwrap();
        if let Some(record) = store.act(|ledger| ledger.job(&job).unwrap()) {
            store.check(&job);
            let stand =
                (record.state, record.held_because, record.counters, record.devices, record.filled_to);
            all.push(format!("{job} {stand:?} {:?} {:?}", record.stage, record.stand));
        }
        for task in store.tasks(&job) {
            all.push(format!("{job} {} {:?} of {}", task.id.device, task.task, task.generation));
        }
        all.push(store.events(&job).join(" "));
    }
    for device in store.act(|ledger| ledger.devices(&pk(), "", 100).unwrap()) {
        let tags = store.act(|ledger| ledger.tags(&device.id).unwrap());
        all.push(format!("{} {:?} {} {tags:?}", device.id, device.version, device.generation));
    }
    all
}

fn sql<T>(done: Result<T, SqlError>) -> Result<(), String> {
    done.map(|_| ()).map_err(|error| error.to_string())
}

fn control<T>(done: Result<T, NotChanged>) -> Result<(), String> {
    done.map(|_| ()).map_err(|error| error.to_string())
}

fn created<T>(done: Result<T, NotCreated>) -> Result<(), String> {
    done.map(|_| ()).map_err(|error| error.to_string())
}

fn blue(store: &Store, device: &str) -> Result<bool, SqlError> {
    store.act(|ledger| ledger.set_tags(&id(device), &["blue".to_owned()]))
}

/// Three devices and two incremental jobs for what is tagged blue, one of them from version 1.
fn with_joinable() -> Store {
    let store = Store::with_devices(3);
    store.add_firmware("3");
    let tags = vec!["blue".to_owned()];
    for (to, from) in [("2", vec![ver("1")]), ("3", vec![])] {
        let scope = Scope { tags: tags.clone(), from, ..Scope::default() };
        store.create(NewJob { scope, is_incremental: true, ..store.new_job(to) });
    }
    store
}

#[test]
fn the_creation_of_a_job() {
    let new = || {
        let canary = vec![DeviceKey::parse("d1").unwrap()];
        let scope = Scope { exclude: vec![DeviceKey::parse("d2").unwrap()], ..Scope::default() };
        NewJob { canary, scope, ..NewJob::new("a job".to_owned(), pk(), ver("2")) }
    };
    comes_to_the_same_end(
        || Store::with_devices(3),
        |store| created(store.act(|ledger| ledger.create_job(&new()))),
    );
}

#[test]
fn tags_and_the_joins_that_they_lead_to() {
    comes_to_the_same_end(with_joinable, |store| sql(blue(store, "d0")));
}

#[test]
fn a_version_that_joins_two_jobs_and_is_granted() {
    let prepare = || {
        let store = with_joinable();
        store.inform("d0", "0.9");
        blue(&store, "d0").unwrap();
        store
    };
    comes_to_the_same_end(prepare, |store| sql(store.act(|ledger| ledger.inform(&heard("d0"), &ver("1")))));
}

/// Four devices of a staged job with retries, all granted.
fn at_work() -> Store {
    let store = Store::with_devices(4);
    let stages = vec![Stage { share: 1, soak: 0, pass: 500 }, Stage { share: 1000, soak: 0, pass: 500 }];
    let terms = Terms { retry: Retry { attempts: 2, ..Retry::DEFAULT }, ..terms(5) };
    store.create(NewJob { stages, terms, ..NewJob::new("a job".to_owned(), pk(), ver("2")) });
    store.sweep();
    store.sweep();
    store
}

#[test]
fn a_sweep_that_opens_a_stage_and_grants() {
    let prepare = || {
        let store = Store::with_devices(3);
        let canary = vec![id("d0").device];
        store.create(NewJob { canary, ..NewJob::new("a job".to_owned(), pk(), ver("2")) });
        store.succeed("d0");
        store
    };
    comes_to_the_same_end(prepare, |store| sql(store.try_sweep()));
}

#[test]
fn a_sweep_that_lapses_and_times_out() {
    let prepare = || {
        let store = at_work();
        store.begin("d0");
        store.pass(100_001);
        store
    };
    comes_to_the_same_end(prepare, |store| sql(store.try_sweep()));
}

#[test]
fn a_begin_a_failure_and_a_success() {
    let link = |device: &str| Link {
        epoch: 1,
        device: id(device),
        task: "a job".to_owned(),
        attempt: 1,
        expires_at: i64::MAX,
    };
    comes_to_the_same_end(at_work, |store| {
        for device in ["d0", "d1"] {
            sql(store.act(|ledger| ledger.begin(&link(device))))?;
            sql(store.act(|ledger| ledger.complete(&link(device))))?;
        }
        sql(store.act(|ledger| ledger.progress(&heard("d0"), -2, Some("words"))))?;
        sql(store.act(|ledger| ledger.inform(&heard("d1"), &ver("2"))))
    });
}

#[test]
fn hardware_that_is_replaced_or_taken_away() {
    let prepare = || {
        let store = at_work();
        store.begin("d0");
        store.add_firmware("3");
        store.create(NewJob { mode: Mode::Request, ..NewJob::new("another".to_owned(), pk(), ver("3")) });
        store
    };
    comes_to_the_same_end(prepare, |store| sql(store.act(|ledger| ledger.replace_device(&id("d0"), "anew"))));
    comes_to_the_same_end(prepare, |store| sql(store.act(|ledger| ledger.delete_device(&id("d0")))));
}

#[test]
fn what_people_do_to_a_job() {
    let prepare = || {
        let store = at_work();
        store.fail("d0");
        store
    };
    let d0 = || id("d0").device;
    comes_to_the_same_end(prepare, |store| control(store.act(|ledger| ledger.stop_job("a job", true))));
    comes_to_the_same_end(prepare, |store| {
        control(store.act(|ledger| ledger.pause_job("a job")))?;
        control(store.act(|ledger| ledger.resume_job("a job")))
    });
    let failed_for_good = || {
        let store = Store::with_devices(1);
        store.create(NewJob::new("a job".to_owned(), pk(), ver("2")));
        store.fail("d0");
        store
    };
    comes_to_the_same_end(failed_for_good, |store| {
        control(store.act(|ledger| ledger.retry_task("a job", &d0())))
    });
    comes_to_the_same_end(prepare, |store| {
        control(store.act(|ledger| ledger.amend_job("a job", |_| terms(1))))
    });
}

#[test]
fn a_job_that_is_deleted_and_purged() {
    let prepare = || {
        let store = Store::with_devices(3);
        store.create(NewJob::new("a job".to_owned(), pk(), ver("2")));
        store.fail("d0");
        store.act(|ledger| ledger.stop_job("a job", false).unwrap());
        store
    };
    comes_to_the_same_end(prepare, |store| {
        let job = store.act(|ledger| ledger.job("a job")).map_err(|error| error.to_string())?;
        if job.is_some() {
            control(store.act(|ledger| ledger.delete_job("a job")))?;
        }
        sql(store.try_sweep())
    });
}

#[test]
fn a_device_that_connects() {
    let session = || Session { id: id("d3"), bridge: Some("b1".to_owned()), number: 1 };
    let prepare = || {
        let store = Store::with_devices(4);
        store.pass(10_000_000);
        store.create(NewJob::new("a job".to_owned(), pk(), ver("2")));
        store
    };
    comes_to_the_same_end(prepare, |store| sql(store.try_session(&session())));
}

#[test]
fn a_quarantine() {
    comes_to_the_same_end(at_work, |store| {
        sql(store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged")))
    });
}
