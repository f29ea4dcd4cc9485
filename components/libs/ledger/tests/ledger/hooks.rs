//! Hooks, and how an event reaches the outbox of each hook that wants it: once.

use ota_ledger::Sql;
use ota_ledger::hook::{HookNotCreated, HookRecord, Kind, MOST_HOOKS, NewHook};
use ota_ledger::outbox::{Delivery, Due, FAN_OUT, TRIED_FOR};
use ota_ledger::registry::ProductTerms;
use ota_protocol::key::ProductKey;
use ota_rollout::Mode;

use crate::ledger::store::{START, Store, pk, terms};

pub(crate) fn new_hook(id: &str, kinds: &[Kind]) -> NewHook {
    NewHook {
        id: id.to_owned(),
        url: format!("https://hooks.test/{id}"),
        secret: format!("sealed secret of {id}"),
        product: None,
        kinds: kinds.to_vec(),
    }
}

pub(crate) fn add_hook(store: &Store, id: &str) {
    store.act(|ledger| ledger.create_hook(&new_hook(id, &Kind::ALL)).unwrap());
}

pub(crate) fn hook(store: &Store, id: &str) -> HookRecord {
    store.act(|ledger| ledger.hook(id).unwrap().unwrap())
}

/// Something happens that is to be told; to a product, when no job is named.
pub(crate) fn happen(store: &Store, kind: Kind, job: Option<&str>) {
    let sql = "INSERT INTO event (at, kind, product, job, actor, message)
        VALUES ($1, $2, $3, $4, 'gateway', $2)";
    let product = job.is_none().then_some("pk");
    let values = [START.into(), kind.as_str().into(), product.into(), job.into()];
    store.sql.execute(sql, &values).unwrap();
}

pub(crate) fn fan_out(store: &Store) -> usize {
    store.act(|ledger| ledger.fan_out().unwrap())
}

pub(crate) fn due(store: &Store) -> Vec<Due> {
    store.act(|ledger| ledger.due(100).unwrap())
}

pub(crate) fn claim(store: &Store, due: &Due) -> Option<Delivery> {
    store.act(|ledger| ledger.claim(due).unwrap())
}

/// The only message that is due, claimed.
pub(crate) fn claim_one(store: &Store) -> Delivery {
    let due = due(store);
    assert_eq!(due.len(), 1, "{due:?}");
    claim(store, &due[0]).unwrap()
}

pub(crate) fn fail(store: &Store, delivery: &Delivery) -> u64 {
    store.act(|ledger| ledger.untold(delivery, "the receiver answered 500").unwrap())
}

pub(crate) fn arrive(store: &Store, delivery: &Delivery) {
    store.act(|ledger| ledger.told(delivery).unwrap());
}

#[test]
fn an_event_reaches_each_hook_that_wants_it_once_however_often_it_is_swept() {
    let store = Store::new();
    store.act(|ledger| {
        ledger.create_product(&ProductKey::parse("other").unwrap(), &ProductTerms::default()).unwrap();
        ledger.create_hook(&new_hook("all", &Kind::ALL)).unwrap();
        ledger.create_hook(&new_hook("done", &[Kind::Done, Kind::FirstFailure])).unwrap();
        ledger.create_hook(&NewHook { product: Some(pk()), ..new_hook("pk", &[Kind::Held]) }).unwrap();
        let other = Some(ProductKey::parse("other").unwrap());
        ledger.create_hook(&NewHook { product: other, ..new_hook("other", &Kind::ALL) }).unwrap();
    });
    happen(&store, Kind::Held, None);
    assert_eq!(fan_out(&store), 1);
    assert_eq!(fan_out(&store), 0);
    let told: Vec<String> = due(&store).into_iter().map(|due| due.hook).collect();
    assert_eq!(told, ["all", "pk"]);
    for due in due(&store) {
        let delivery = claim(&store, &due).unwrap();
        arrive(&store, &delivery);
    }
    // Somebody who had looked before it was put into the outbox puts it there again.
    store.sql.execute("UPDATE event SET message = 'held' WHERE kind = 'held'", &[]).unwrap();
    assert_eq!(fan_out(&store), 1);
    assert_eq!(due(&store), []);
    assert_eq!((hook(&store, "all").delivered, hook(&store, "all").pending), (1, 0));
}

#[test]
fn an_event_of_a_job_is_told_to_the_hooks_of_its_product_with_the_job_as_it_is() {
    let store = Store::with_devices(2);
    store.act(|ledger| {
        ledger.create_hook(&NewHook { product: Some(pk()), ..new_hook("h", &[Kind::Stopped]) }).unwrap()
    });
    let job = store.job(Mode::Push, terms(1));
    happen(&store, Kind::Stopped, Some(&job));
    fan_out(&store);
    let delivery = claim_one(&store);
    assert_eq!((delivery.kind.as_str(), delivery.url.as_str()), ("stopped", "https://hooks.test/h"));
    assert_eq!(delivery.secret, "sealed secret of h");
    assert_eq!(delivery.event.product.as_deref(), Some("pk"));
    assert_eq!(delivery.job.as_ref().map(|job| job.devices), Some(2));
    assert_eq!(delivery.id(), format!("h.{}", delivery.event.number));
}

#[test]
fn without_a_hook_an_event_is_told_to_nobody_and_later_hooks_hear_only_of_what_comes() {
    let store = Store::new();
    happen(&store, Kind::Held, None);
    assert_eq!(fan_out(&store), 1);
    add_hook(&store, "late");
    assert_eq!((fan_out(&store), due(&store)), (0, vec![]));
}

#[test]
fn one_call_puts_a_bounded_number_of_events_into_outboxes() {
    let store = Store::new();
    add_hook(&store, "h");
    let most = usize::try_from(FAN_OUT).unwrap();
    for _ in 0..most + 3 {
        happen(&store, Kind::Done, None);
    }
    assert_eq!([fan_out(&store), fan_out(&store), fan_out(&store)], [most, 3, 0]);
    assert_eq!(hook(&store, "h").pending, FAN_OUT + 3);
}

#[test]
fn a_removed_hook_is_told_nothing_more_and_its_secret_is_forgotten() {
    let store = Store::new();
    add_hook(&store, "h");
    for _ in 0..2 {
        happen(&store, Kind::Held, None);
    }
    fan_out(&store);
    let seen = due(&store);
    let in_flight = claim(&store, &seen[0]).unwrap();
    for _ in 0..2 {
        assert!(store.act(|ledger| ledger.remove_hook("h").unwrap()));
    }
    assert!(!store.act(|ledger| ledger.remove_hook("never").unwrap()));
    assert!(claim(&store, &seen[1]).is_none());
    fail(&store, &in_flight);
    assert!(store.act(|ledger| ledger.hook("h").unwrap()).is_none());
    happen(&store, Kind::Held, None);
    fan_out(&store);
    store.pass(TRIED_FOR);
    assert_eq!(due(&store), []);
    let secrets = store.sql.query("SELECT secret FROM hook", &[]).unwrap();
    assert_eq!(secrets[0].text(0).unwrap(), "");
}

#[test]
fn a_hook_is_created_once_for_a_product_that_is_there_and_not_without_end() {
    let store = Store::new();
    let new = new_hook("h", &[Kind::Done, Kind::Held]);
    for _ in 0..2 {
        let made = store.act(|ledger| ledger.create_hook(&new).unwrap());
        assert_eq!((made.kinds.as_slice(), made.created_at), (&[Kind::Done, Kind::Held][..], START));
    }
    assert_eq!(store.act(|ledger| ledger.hooks().unwrap()).len(), 1);
    let nowhere = Some(ProductKey::parse("nowhere").unwrap());
    let refused =
        store.act(|ledger| ledger.create_hook(&NewHook { product: nowhere, ..new_hook("x", &Kind::ALL) }));
    assert_eq!(refused.unwrap_err().to_string(), "product nowhere is not registered");
    for n in 1..MOST_HOOKS {
        add_hook(&store, &format!("h{n}"));
    }
    let refused = store.act(|ledger| ledger.create_hook(&new_hook("x", &Kind::ALL)));
    assert!(matches!(refused, Err(HookNotCreated::TooMany)));
    store.act(|ledger| ledger.remove_hook("h").unwrap());
    add_hook(&store, "x");
    let events = store.act(|ledger| ledger.events(None, 0, 1_000).unwrap());
    let of = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
    assert_eq!((of("hook_created"), of("hook_removed")), (33, 1));
}
