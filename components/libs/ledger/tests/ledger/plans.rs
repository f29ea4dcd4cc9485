//! Every statement of messages and of the sweep is covered by an index, so that it costs the same at any size of fleet.

use std::collections::BTreeMap;

use ota_ledger::Sql;
use ota_ledger::deliver::Recipient;
use ota_ledger::event::About;
use ota_ledger::job::NewJob;
use ota_ledger::offer::Offers;
use ota_ledger::presence::Session;
use ota_ledger::scope::Scope;
use ota_rollout::{Mode, Stage, Terms};

use crate::database::{FLEET, START, analyze, scans, unhurried};
use crate::ledger::hooks::{add_hook, arrive};
use crate::ledger::store::{Store, heard, id, object_of, pk, terms, ver};

/// A fleet with a history, of which one job has all, and the jobs whose devices move.
struct Fleet {
    store: Store,
    /// A staged request job that takes in what is tagged `blue`.
    asked: String,
    /// A job of a few named devices, on its way to firmware 3.
    named: String,
}

impl Fleet {
    fn new() -> Self {
        let store = Store::with_devices(8);
        unhurried(&store.sql);
        for filling in [DEVICES, EVENTS, OUTBOX, TAGS, SCOPES, UPLOADS] {
            store.sql.execute(filling, &[FLEET.into(), START.into()]).unwrap();
        }
        add_hook(&store, "h");
        store.add_firmware("3");
        let blue = Scope { tags: vec!["blue".to_owned()], ..Scope::default() };
        store.act(|ledger| ledger.set_tags(&id("d5"), &["blue".to_owned()]).unwrap());
        let stages =
            vec![Stage { share: 100, soak: 0, pass: 500 }, Stage { share: 1000, soak: 0, pass: 500 }];
        let new =
            NewJob { mode: Mode::Request, stages, scope: blue, is_incremental: true, ..store.new_job("3") };
        let asked = store.create(new);
        let scope = Scope { devices: vec![id("d7").device, id("f1").device], ..Scope::default() };
        let named = store.create(NewJob { scope, ..store.new_job("3") });
        let large = store.job(Mode::Push, Terms { max_in_flight: 4, ..terms(1_000_000) });
        while store.record(&large).filled_to.is_some() {
            store.act(|ledger| ledger.sweep().unwrap());
        }
        analyze(&store.sql);
        Self { store, asked, named }
    }
}

const DEVICES: &str = "INSERT INTO device (product, device, secret, version, heard_at, place, created_at)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT 'pk', 'f' || CAST(i AS TEXT), 'sealed', '1', CAST($2 AS BIGINT) - 1000 * i, (i * 7919) % 1000003,
        CAST($2 AS BIGINT) FROM n";
const EVENTS: &str = "INSERT INTO event (at, kind, product, device, job, actor)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT CAST($2 AS BIGINT), 'granted', 'pk', 'f' || CAST(i AS TEXT), 'an old job', 'sweep' FROM n";
const OUTBOX: &str = "INSERT INTO outbox (hook, event, kind, due_at, created_at, delivered_at)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT 'h', i, 'held', CAST($2 AS BIGINT), CAST($2 AS BIGINT), CAST($2 AS BIGINT) - 90000000 + i FROM n";
const TAGS: &str = "INSERT INTO device_tag (product, device, tag)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT 'pk', 'f' || CAST(i AS TEXT), CASE WHEN CAST($2 AS BIGINT) > 0 THEN 'green' END FROM n";
const SCOPES: &str = "INSERT INTO scope (job, kind, value)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT 'old' || CAST(i % 100 AS TEXT), CASE WHEN CAST($2 AS BIGINT) > 0 THEN 'device' END, 'f' || CAST(i AS TEXT)
    FROM n";

const UPLOADS: &str = "INSERT INTO upload (upload, product, version, store, token, part, way, declared, state, writer,
        created_at, expires_at)
    WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT))
    SELECT '0000000000000000' || CAST(1000000000000000 + i AS TEXT), 'pk', CAST(i AS TEXT), 'kv', '', 1, 'gateway', '',
        '', '', CAST($2 AS BIGINT), CAST($2 AS BIGINT) + 90000000 + i FROM n";

#[test]
fn no_query_of_sweep_or_message_scans_a_table_that_grows_with_the_fleet() {
    let fleet = Fleet::new();
    let store = &fleet.store;
    // Each statement once, with the parameters that it came with last.
    let statements: BTreeMap<_, _> = store.sql.statements_of(|| run_everything(&fleet)).into_iter().collect();
    let is_explained =
        |sql: &str| ["SELECT", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.starts_with(verb));
    let explained: Vec<_> = statements.iter().filter(|(sql, _)| is_explained(sql)).collect();
    assert!(explained.len() > 50, "only {} statements were run", explained.len());
    let mut wrong = Vec::new();
    for (statement, params) in explained {
        let scans = scans(&store.sql, statement, params);
        if !scans.is_empty() {
            wrong.push(format!("{scans:#?}\nin {statement}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Every message, every part of the sweep, and what people do to a running job.
fn run_everything(fleet: &Fleet) {
    let store = &fleet.store;
    devices_report(store);
    devices_ask(store, &fleet.asked);
    people_ask(store, &fleet.asked);
    people_act(store, &fleet.named);
    let of_now = store.act(|ledger| ledger.due(10).unwrap());
    for due in of_now {
        if let Some(delivery) = store.act(|ledger| ledger.claim(&due).unwrap()) {
            arrive(store, &delivery);
        }
    }
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "damaged").unwrap());
    sweep(store);
}

fn sweep(store: &Store) {
    store.act(|ledger| ledger.sweep().unwrap());
    store.due_for(Recipient::Bridge { name: "b1", is_reporting: false });
    store.due_for(Recipient::Broker);
    store.act(|ledger| ledger.fan_out().unwrap());
    store.act(|ledger| ledger.doomed_upload().unwrap());
}

fn devices_report(store: &Store) {
    let session = Session { id: id("d0"), bridge: Some("b1".to_owned()), number: 1 };
    store.session_begins(&session);
    for device in ["d0", "d1", "d2", "d3"] {
        if let Some(command) = store.inform(device, "1") {
            let push_id = command.push_id.unwrap();
            store.act(|ledger| ledger.delivered(&push_id).unwrap());
            store.act(|ledger| ledger.acknowledge(&id(device), &push_id, Some("words")).unwrap());
            store.act(|ledger| ledger.access(&command.link).unwrap());
            store.act(|ledger| ledger.begin(&command.link).unwrap());
            store.act(|ledger| ledger.progress(&heard(device), 30, None).unwrap());
            store.act(|ledger| ledger.progress(&heard(device), 50, None).unwrap());
            store.act(|ledger| ledger.complete(&command.link).unwrap());
            store.inform(device, if device == "d3" { "1" } else { "2" });
            store.act(|ledger| ledger.resume(&command.link).unwrap());
        }
    }
    store.session_ends(&session);
    sweep(store);
    store.pass(200_000);
    sweep(store);
    store.inform("d4", "1");
    store.pass(400_000);
    store.inform("d4", "1");
    sweep(store);
}

fn devices_ask(store: &Store, job: &str) {
    store.act(|ledger| ledger.set_tags(&id("d6"), &["blue".to_owned()]).unwrap());
    for device in ["d5", "d6"] {
        store.inform(device, "1.1");
        if let Offers::List(list) = store.act(|ledger| ledger.offers(&id(device)).unwrap()) {
            for offer in &list {
                store.act(|ledger| ledger.begin(&offer.link).unwrap());
            }
        }
        store.act(|ledger| ledger.progress(&heard(device), -2, Some("words")).unwrap());
    }
    sweep(store);
    store.act(|ledger| ledger.tasks(job, None, "", 10).unwrap());
}

fn people_ask(store: &Store, job: &str) {
    for device in ["d1", "f7"] {
        store.act(|ledger| ledger.explain(&id(device)).unwrap());
        store.act(|ledger| ledger.explain_in(&id(device), job).unwrap());
    }
    let about = About { product: Some("pk"), ..About::default() };
    store.act(|ledger| ledger.events_about(about, 5, 10).unwrap());
    let about = About { device: Some("f7"), job: Some(job), ..about };
    store.act(|ledger| ledger.events_about(about, 5, 10).unwrap());
    store.act(|ledger| ledger.named(job).unwrap());
    store.act(|ledger| ledger.tags(&id("f7")).unwrap());
    store.act(|ledger| ledger.tags_between(&pk(), "f7", "f8").unwrap());
    store.act(|ledger| ledger.verified_of(&pk()).unwrap());
}

fn people_act(store: &Store, job: &str) {
    store.act(|ledger| ledger.pause_job(job).unwrap());
    store.act(|ledger| ledger.resume_job(job).unwrap());
    store.act(|ledger| ledger.amend_job(job, |terms| Terms { per_minute: 60, ..terms }).unwrap());
    store.act(|ledger| ledger.cancel_task(job, &id("d7").device).unwrap());
    store.act(|ledger| ledger.retry_task(job, &id("d7").device).unwrap());
    store.act(|ledger| ledger.tasks_of(&id("d7")).unwrap());
    store.act(|ledger| ledger.events(Some(job), 0, 10).unwrap());
    store.act(|ledger| ledger.replace_device(&id("d7"), "sealed").unwrap());
    store.act(|ledger| ledger.delete_device(&id("d6")).unwrap());
    store.add_device("d6");
    store.act(|ledger| ledger.stop_job(job, true).unwrap());
    store.act(|ledger| ledger.delete_job(job).unwrap());
    sweep(store);
    sweep(store);
}
