//! A job that is asked for again under the same key.

use ota_ledger::job::{NewJob, NotCreated};
use ota_ledger::once::{CreationKey, NotCreatedOnce};
use ota_ledger::record::JobRecord;
use ota_ledger::scope::Scope;
use ota_protocol::key::ProductKey;

use crate::ledger::store::{Store, id, terms, ver};

fn once(store: &Store, key: &str, new: &NewJob) -> Result<JobRecord, NotCreatedOnce> {
    let key = CreationKey::parse(key).unwrap();
    store.act(|ledger| ledger.create_job_once(new, &key))
}

fn count(store: &Store) -> usize {
    store.act(|ledger| ledger.jobs(None, None, 100).unwrap()).len()
}

#[test]
fn a_job_asked_for_again_is_the_one_that_is_there_whatever_its_id_and_order_and_terms_by_now() {
    let store = Store::with_devices(3);
    let named = |names: [&str; 2]| {
        let scope = Scope { devices: names.map(|name| id(name).device).to_vec(), ..Scope::default() };
        NewJob { scope, ..store.new_job("2") }
    };
    let first = once(&store, "k", &named(["d0", "d1"])).unwrap();
    assert_eq!(first.devices, 2);
    store.act(|ledger| ledger.amend_job(&first.job, |_| terms(3)).unwrap());
    store.begin("d0");
    let again = once(&store, "k", &NewJob { exposed_elsewhere: 7, ..named(["d1", "d0"]) }).unwrap();
    assert_eq!((again.job.as_str(), again.counters.exposed), (first.job.as_str(), 1));
    assert_eq!(count(&store), 1);
    assert_ne!(
        once(&store, "another", &NewJob { exposed_elsewhere: 1, ..named(["d2", "d1"]) }).unwrap().job,
        first.job
    );
}

#[test]
fn a_key_that_stands_for_another_job_is_refused_and_each_part_of_the_content_makes_one() {
    let store = Store::with_devices(3);
    store.add_firmware("3");
    let job = once(&store, "k", &store.new_job("2")).unwrap().job;
    let others = [
        store.new_job("3"),
        NewJob { terms: terms(11), ..store.new_job("2") },
        NewJob { is_incremental: true, ..store.new_job("2") },
        NewJob { canary: vec![id("d0").device], ..store.new_job("2") },
        NewJob { scope: Scope { from: vec![ver("1")], ..Scope::default() }, ..store.new_job("2") },
    ];
    for other in others {
        let refused = once(&store, "k", &other).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("key k was given for job {job}, which asked for something else")
        );
        assert!(matches!(refused, NotCreatedOnce::Another { .. }));
    }
    assert_eq!(count(&store), 1);
}

#[test]
fn a_key_stands_for_a_job_that_was_deleted_and_for_none_that_was_not_created() {
    let store = Store::with_devices(1);
    let refused = once(&store, "k", &store.new_job("9")).unwrap_err();
    assert!(matches!(refused, NotCreatedOnce::NotCreated(NotCreated::NoFirmware(_))));
    let job = once(&store, "k", &store.new_job("2")).unwrap().job;
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    assert!(matches!(once(&store, "k", &store.new_job("2")), Err(NotCreatedOnce::Deleted { .. })));
    assert_eq!(count(&store), 0);
}

#[test]
fn each_product_has_keys_of_its_own() {
    let store = Store::with_devices(1);
    let other = ProductKey::parse("other").unwrap();
    once(&store, "k", &store.new_job("2")).unwrap();
    let refused = once(&store, "k", &NewJob { product: other, ..store.new_job("2") }).unwrap_err();
    assert!(matches!(refused, NotCreatedOnce::NotCreated(NotCreated::NoProduct(_))));
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", "two words", "ümlaut", "line\nbreak", &"k".repeat(129)] {
        assert!(CreationKey::parse(text).is_err(), "{text}");
    }
    assert_eq!(
        CreationKey::parse("").unwrap_err().to_string(),
        "a key of 0 characters, must be 1 to 128 visible ASCII characters"
    );
}
