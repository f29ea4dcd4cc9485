//! What a dry run says is what creating the job then does, and it leaves nothing behind.

use std::time::Instant;

use ota_ledger::Sql as _;
use ota_ledger::dry_run::{DryRun, Refused};
use ota_ledger::job::NewJob;
use ota_ledger::scope::Scope;
use ota_rollout::{Mode, Stage, TaskState, Terms, stage};

use crate::ledger::store::{START, Store, id, pk, terms, ver};

fn dry_run(store: &Store, new: &NewJob) -> DryRun {
    store.act(|ledger| ledger.dry_run(new)).unwrap()
}

fn refused(run: &DryRun) -> Vec<(&str, i64, Vec<&str>)> {
    let examples = |refused: &'_ Refused| refused.examples.len();
    assert!(run.refused.iter().all(|refused| examples(refused) <= 5));
    run.refused
        .iter()
        .map(|refused| {
            let examples = refused.examples.iter().map(String::as_str).collect();
            (refused.why, refused.devices, examples)
        })
        .collect()
}

/// Creates the job, and compares.
fn assert_foretold(store: &Store, new: &NewJob) -> DryRun {
    let run = dry_run(store, new);
    let job = store.act(|ledger| ledger.create_job(new)).unwrap();
    store.check(&job.job);
    assert_eq!((run.devices, run.skipped), (job.devices, job.counters.skipped));
    assert_eq!((run.waiting, run.bound_at_start), (job.counters.waiting, job.bound()));
    let tasks = store.tasks(&job.job);
    let members = |number: usize| {
        let number = i64::try_from(number).unwrap();
        i64::try_from(tasks.iter().filter(|task| task.stage == number).count()).unwrap()
    };
    let stages: Vec<i64> = (0..run.stages.len()).map(members).collect();
    assert_eq!(run.stages, stages);
    let reachable = tasks.iter().filter(|task| {
        task.task.state == TaskState::Waiting && task.from.is_some() && task.ready_until > store.now()
    });
    let refuses = run.refused.iter().any(|refused| refused.why.contains("not registered"));
    assert!(refuses || run.reachable_now == i64::try_from(reachable.count()).unwrap());
    run
}

/// A fleet in which there is one of each kind.
fn motley() -> Store {
    let store = Store::with_devices(12);
    for n in 1..=3 {
        store.inform(&format!("d{n}"), "2");
    }
    store.add_firmware("3");
    store.inform("d4", "3");
    for device in ["e0", "e1"] {
        store.add_device(device);
    }
    store.pass(700_000);
    store.connect("d5");
    store.connect("d6");
    store.inform("d7", "1");
    store
}

#[test]
fn every_device_is_counted_once_and_as_it_will_be() {
    let store = motley();
    let run = assert_foretold(&store, &store.new_job("2"));
    assert_eq!((run.devices, run.skipped, run.waiting), (14, 4, 10));
    assert_eq!((run.never_informed, run.reachable_now, run.bound_at_start), (2, 3, 10));
    assert_eq!(
        refused(&run),
        [
            ("the device runs the target already", 3, vec!["d1", "d2", "d3"]),
            (
                "the device runs a newer version than the target, and the job does not downgrade",
                1,
                vec!["d4"]
            ),
            ("the device never informed a version", 2, vec!["e0", "e1"]),
            ("the device is not reachable now", 5, vec!["d0", "d10", "d11", "d8", "d9"]),
        ]
    );
}

#[test]
fn the_first_are_those_that_the_sweep_then_grants_in_its_order() {
    let store = motley();
    store.pass(1);
    store.inform("d8", "1");
    let new = NewJob { terms: terms(3), ..store.new_job("2") };
    let run = assert_foretold(&store, &new);
    assert_eq!(run.first, ["d6", "d5", "d8", "d7"]);
    store.sweep();
    let mut granted = store.devices_in(&new.id, TaskState::Granted);
    granted.sort();
    assert_eq!(granted, ["d5", "d6", "d8"]);
    let request = NewJob { mode: Mode::Request, ..store.new_job("3") };
    assert!(dry_run(&store, &request).first.is_empty(), "who asks first is first");
}

#[test]
fn the_stages_are_those_that_the_job_then_has() {
    let store = Store::with_devices(60);
    let stage = |share, pass| Stage { share, soak: 60_000, pass };
    let stages = vec![stage(100, 500), stage(500, 500), stage(1000, 500)];
    for canary in [vec![], vec![id("d3").device, id("d41").device]] {
        let new = NewJob { canary, stages: stages.clone(), ..store.new_job("2") };
        let run = assert_foretold(&store, &new);
        assert_eq!(run.stages.iter().sum::<i64>(), 60);
        assert!(run.stages.iter().all(|members| *members > 0), "{:?}", run.stages);
        if !new.canary.is_empty() {
            assert_eq!(run.stages[0], 2);
            assert_eq!(run.first[..2], ["d41", "d3"]);
        }
    }
}

#[test]
fn a_scope_is_the_same_dry() {
    let store = motley();
    store.act(|ledger| ledger.set_tags(&id("d5"), &["lab".to_owned()]).unwrap());
    let keys = |devices: &[&str]| devices.iter().map(|device| id(device).device).collect::<Vec<_>>();
    let none = Scope::default();
    for (scope, devices) in [
        (Scope { devices: keys(&["d9", "d1", "e0"]), ..none.clone() }, 3),
        (Scope { from: vec![ver("1")], exclude: keys(&["d0"]), ..none.clone() }, 7),
        (Scope { tags: vec!["lab".to_owned()], ..none }, 1),
    ] {
        let run = assert_foretold(&store, &NewJob { scope, ..store.new_job("2") });
        assert_eq!(run.devices, devices);
    }
}

#[test]
fn a_downgrade_and_versions_that_the_product_refuses_are_told() {
    let store = motley();
    let down = NewJob { is_downgrade: true, ..store.new_job("2") };
    assert_eq!(assert_foretold(&store, &down).skipped, 3, "the newer one has to go down");
    store.act(|ledger| ledger.amend_product(&pk(), |terms| terms.refuses_unknown = true).unwrap());
    let run = assert_foretold(&store, &store.new_job("3"));
    let unknown = "the version of the device is not registered, and the product refuses such devices";
    let of_unknown = run.refused.iter().find(|refused| refused.why == unknown).unwrap();
    assert_eq!((of_unknown.devices, of_unknown.examples.len(), run.reachable_now), (8, 5, 0));
}

#[test]
fn devices_at_work_for_another_job_are_told_and_not_first() {
    let store = Store::with_devices(3);
    store.add_firmware("3");
    store.job(Mode::Push, terms(1));
    store.inform("d1", "1");
    let run = dry_run(&store, &store.new_job("3"));
    assert_eq!(refused(&run), [("the device is at work for another job", 1, vec!["d1"])]);
    assert_eq!(run.first, ["d2", "d0"]);
}

#[test]
fn what_create_refuses_the_dry_run_refuses_in_the_same_words() {
    let store = Store::with_devices(2);
    store.add_firmware("3");
    store.job(Mode::Push, terms(1));
    store.begin("d0");
    let scope = |devices: &[&str]| Scope {
        devices: devices.iter().map(|device| id(device).device).collect(),
        ..Scope::default()
    };
    let canary = vec![id("d1").device];
    for new in [
        store.new_job("9"),
        store.new_job("2"),
        NewJob { scope: scope(&["d0", "d9"]), ..store.new_job("3") },
        NewJob { scope: Scope { from: vec![ver("7")], ..Scope::default() }, ..store.new_job("3") },
        NewJob { scope: scope(&["d0"]), canary, ..store.new_job("3") },
    ] {
        let dry = store.act(|ledger| ledger.dry_run(&new)).unwrap_err().to_string();
        let wet = store.act(|ledger| ledger.create_job(&new)).unwrap_err().to_string();
        assert_eq!(dry, wet);
    }
}

#[test]
fn a_dry_run_leaves_nothing_whatever_fails() {
    let store = Store::with_devices(3);
    let new = NewJob { canary: vec![id("d0").device], ..store.new_job("2") };
    let all = || -> Vec<_> {
        ["job", "task", "scope", "stage", "event"]
            .map(|table| store.sql.query(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap())
            .into()
    };
    let before = all();
    let (statements, _) = store.sql.count(|| dry_run(&store, &new));
    for n in 0..statements {
        store.sql.fails_after.set(Some(n));
        assert!(store.act(|ledger| ledger.dry_run(&new)).is_err(), "statement {n}");
        store.sql.fails_after.set(None);
        store.sql.execute("ROLLBACK", &[]).ok();
        assert_eq!(all(), before, "statement {n}");
    }
}

#[test]
fn the_estimate_goes_by_what_the_products_upgrades_took() {
    let store = Store::with_devices(40);
    let run = dry_run(&store, &store.new_job("2"));
    assert_eq!((run.per_device, run.samples), (600_000, 0));
    // 10 at a time.
    assert_eq!(run.estimate.unwrap().all, 4 * 600_000);
    store.job(Mode::Push, terms(10));
    for n in 0..5 {
        store.begin(&format!("d{n}"));
        store.pass(10_000 * (n + 1));
        store.inform(&format!("d{n}"), "2");
    }
    store.add_firmware("3");
    let run = dry_run(&store, &store.new_job("3"));
    assert_eq!((run.per_device, run.samples), (30_000, 5));
    let canary = NewJob {
        canary: vec![id("d9").device],
        canary_soak: 3_600_000,
        terms: Terms { max_in_flight: 1, ..terms(10) },
        ..store.new_job("3")
    };
    assert_eq!(dry_run(&store, &canary).estimate.unwrap().all, 40 * 30_000 + 3_600_000);
}

#[test]
fn a_large_fleet_is_counted_in_parts_and_each_of_its_devices_once() {
    const DEVICES: i64 = 120_000;
    let store = Store::new();
    store.add_firmware("1");
    store.add_firmware("2");
    let each = "INSERT INTO device (product, device, secret, version, heard_at, connected, place, created_at)
        WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
        SELECT 'pk', 'd' || CAST(1000000 + i AS TEXT), 's',
            CASE WHEN i % 1000 = 999 THEN NULL WHEN i % 10 = 0 THEN '2' ELSE '1' END,
            CAST($2 AS BIGINT), i % 2, (i * 7919) % 1000003, CAST($2 AS BIGINT) FROM n";
    crate::database::unhurried(&store.sql);
    store.sql.execute(each, &[DEVICES.into(), START.into()]).unwrap();
    crate::database::analyze(&store.sql);
    let stage = |share| Stage { share, soak: 0, pass: 500 };
    let new = NewJob { stages: vec![stage(10), stage(1000)], ..store.new_job("2") };
    let since = Instant::now();
    let (statements, run) = store.sql.count(|| dry_run(&store, &new));
    let took = since.elapsed();
    assert_eq!((run.devices, run.skipped, run.never_informed), (DEVICES, DEVICES / 10, DEVICES / 1000));
    assert_eq!(run.stages.iter().sum::<i64>(), DEVICES);
    let expected = (0..DEVICES)
        .filter(|i| stage::position((i * 7919) % stage::PLACES, stage::spread(&new.id)) < stage::upto(10));
    assert_eq!(run.stages[0], i64::try_from(expected.count()).unwrap());
    assert_eq!(run.first.len(), 20);
    assert!(statements < 80, "{statements} statements");
    // A million in less than a second is what the benchmark measures; here it only must not be of another order.
    assert!(took.as_secs() < 30, "{took:?}");
}
