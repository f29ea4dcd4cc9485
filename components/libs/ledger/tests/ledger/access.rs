//! Who may download, and what the transaction at its start refuses.

use ota_ledger::command::Command;
use ota_ledger::download::{Access, Begun};
use ota_ledger::offer::Offers;
use ota_protocol::link::Link;
use ota_rollout::{JobState, Mode, TaskState};

use ota_ledger::job::NewJob;

use crate::ledger::store::{START, Store, id, object_of, pk, terms, ver};

fn access(store: &Store, link: &Link) -> &'static str {
    match store.act(|ledger| ledger.access(link).unwrap()) {
        Access::Begun(_) | Access::Returned(_) => "begun",
        Access::MayBegin(_) => "may begin",
        Access::Gone(why) => why,
    }
}

fn begin(store: &Store, link: &Link) -> Begun {
    store.act(|ledger| ledger.begin(link).unwrap())
}

fn offers(store: &Store, device: &str) -> Vec<Command> {
    match store.act(|ledger| ledger.offers(&id(device)).unwrap()) {
        Offers::List(list) => list,
        Offers::Unknown => panic!("{device} is not registered"),
    }
}

#[test]
fn a_granted_link_begins_once_and_serves_until_the_verdict() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    assert_eq!(access(&store, &link), "may begin");
    assert_eq!(begin(&store, &link), Begun::Yes);
    assert_eq!(begin(&store, &link), Begun::Yes);
    assert_eq!(store.record(&job).counters.begun, 1);
    assert_eq!(access(&store, &link), "begun");
    store.inform("d0", "2");
    assert_eq!(access(&store, &link), "the attempt is over");
    store.check(&job);
}

#[test]
fn a_link_dies_with_its_grant() {
    let store = Store::with_devices(1);
    store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    store.pass(10_001);
    store.act(|ledger| ledger.sweep().unwrap());
    assert_eq!(access(&store, &link), "the attempt is over");
    let second = store.inform("d0", "1").unwrap().link;
    assert_eq!(access(&store, &link), "the attempt is over");
    assert_eq!(begin(&store, &link), Begun::Gone("the attempt is over"));
    assert_eq!(begin(&store, &second), Begun::Yes);
}

#[test]
fn a_link_of_another_epoch_attempt_task_or_time_opens_nothing() {
    let store = Store::with_devices(2);
    store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    for (altered, why) in [
        (Link { epoch: 2, ..link.clone() }, "the ledger was restored since"),
        (Link { attempt: 2, ..link.clone() }, "the attempt is over"),
        (Link { attempt: 0, ..link.clone() }, "the attempt is over"),
        (Link { task: "other".to_owned(), ..link.clone() }, "the task is over"),
        (Link { expires_at: START - 1, ..link.clone() }, "the link has expired"),
        (Link { device: id("d1"), ..link.clone() }, "the attempt is over"),
        (Link { device: id("d9"), ..link.clone() }, "unknown device"),
    ] {
        assert_eq!(access(&store, &altered), why);
        assert_eq!(begin(&store, &altered), Begun::Gone(why));
    }
}

#[test]
fn after_stop_no_download_begins_and_what_began_goes_on() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    let begun = store.inform("d0", "1").unwrap().link;
    let granted = store.inform("d1", "1").unwrap().link;
    assert_eq!(begin(&store, &begun), Begun::Yes);
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    assert_eq!(begin(&store, &granted), Begun::Gone("the job does not run"));
    assert_eq!(access(&store, &granted), "the job does not run");
    assert_eq!(access(&store, &begun), "begun");
    store.inform("d0", "2");
    assert_eq!(store.state(&job, "d0"), TaskState::Succeeded);
    assert_eq!(store.record(&job).state, JobState::Stopped);
    store.check(&job);
}

#[test]
fn progress_opens_no_download_that_stop_or_the_budget_closed() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    let link = store.inform("d0", "1").unwrap().link;
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.progress(&crate::ledger::store::heard("d0"), 0, None).unwrap());
    assert_eq!(store.state(&job, "d0"), TaskState::Downloading);
    assert_eq!(access(&store, &link), "the job does not run");
    assert_eq!(begin(&store, &link), Begun::Gone("the job does not run"));
    store.check(&job);
}

#[test]
fn what_a_device_repeats_of_one_offer_does_not_touch_another() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    // It may bring the device back from 3, so that nothing but the report could touch it.
    let mode = Mode::Request;
    let other = store.create(NewJob { mode, is_downgrade: true, ..store.new_job("2") });
    let taken = store.job_to("3", Mode::Request, terms(10));
    let link = offers(&store, "d0").remove(1).link;
    assert_eq!(begin(&store, &link), Begun::Yes);
    store.inform("d0", "3");
    store.act(|ledger| ledger.progress(&crate::ledger::store::heard("d0"), 80, None).unwrap());
    assert_eq!(store.state(&taken, "d0"), TaskState::Succeeded);
    assert_eq!(store.state(&other, "d0"), TaskState::Waiting);
}

#[test]
fn an_offer_takes_its_slot_when_its_download_begins() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Request, terms(1));
    let first = offers(&store, "d0").remove(0).link;
    let second = offers(&store, "d1").remove(0).link;
    assert_eq!(store.record(&job).counters.exposed, 0);
    assert_eq!(begin(&store, &first), Begun::Yes);
    assert_eq!(begin(&store, &second), Begun::Later);
    assert!(store.task(&job, "d1").task.refused);
    assert!(offers(&store, "d1").is_empty());
    store.inform("d0", "2");
    assert_eq!(begin(&store, &second), Begun::Yes);
    store.check(&job);
}

#[test]
fn offers_list_the_newest_last_and_only_to_devices_that_informed() {
    let store = Store::with_devices(1);
    store.add_device("silent");
    store.add_firmware("3");
    store.job_to("3", Mode::Request, terms(10));
    store.job(Mode::Request, terms(10));
    let versions: Vec<_> = offers(&store, "d0").into_iter().map(|offer| offer.firmware.version).collect();
    assert_eq!(versions, [ver("2"), ver("3")]);
    assert!(offers(&store, "silent").is_empty());
}

#[test]
fn a_device_at_work_is_offered_only_what_it_works_on() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    store.job_to("3", Mode::Request, terms(10));
    store.job(Mode::Request, terms(10));
    let listed = offers(&store, "d0");
    assert_eq!(begin(&store, &listed[0].link), Begun::Yes);
    assert_eq!(begin(&store, &listed[1].link), Begun::Gone("the attempt is over"));
    let listed = offers(&store, "d0");
    assert_eq!(listed.len(), 1);
    assert_eq!(access(&store, &listed[0].link), "begun");
}

#[test]
fn quarantine_closes_every_link_and_holds_the_jobs() {
    let store = Store::with_devices(2);
    let job = store.job(Mode::Push, terms(10));
    let begun = store.inform("d0", "1").unwrap().link;
    assert_eq!(begin(&store, &begun), Begun::Yes);
    for _ in 0..2 {
        store.act(|ledger| {
            ledger.quarantine(&pk(), &ver("2"), &object_of("2"), &id("d0"), "block 3 is damaged").unwrap()
        });
    }
    assert_eq!(access(&store, &begun), "the firmware is quarantined");
    let record = store.record(&job);
    assert_eq!(
        (record.state, record.held_because.as_deref()),
        (JobState::Held, Some("firmware quarantined"))
    );
    assert!(store.inform("d1", "1").is_none());
    let events = store.act(|ledger| ledger.events(None, 0, 1000).unwrap());
    assert_eq!(events.iter().filter(|event| event.kind == "quarantined").count(), 1);
    store.check(&job);
}
