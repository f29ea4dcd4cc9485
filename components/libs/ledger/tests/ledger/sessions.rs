//! Sessions as bridges report them: late, twice, or in another order than they were.

use ota_ledger::Sql;
use ota_ledger::presence::Session;
use ota_rollout::Mode;

use crate::ledger::store::{Store, id, terms};

fn session(bridge: Option<&str>, number: i64) -> Session {
    Session { id: id("d0"), bridge: bridge.map(str::to_owned), number }
}

fn is_connected(store: &Store) -> bool {
    store.act(|ledger| ledger.device(&id("d0")).unwrap()).unwrap().0.is_connected
}

#[test]
fn the_end_of_an_old_session_says_nothing_of_the_new_one() {
    let store = Store::with_devices(1);
    store.session_begins(&session(Some("b1"), 1));
    store.session_begins(&session(Some("b1"), 2));
    store.session_ends(&session(Some("b1"), 1));
    store.session_begins(&session(Some("b2"), 1));
    store.session_ends(&session(Some("b1"), 2));
    assert!(is_connected(&store));
    store.session_ends(&session(Some("b2"), 1));
    assert!(!is_connected(&store));
}

#[test]
fn a_begin_that_comes_behind_its_end_revives_nothing() {
    for before in [None, Some(("b1", 4)), Some(("b0", 9))] {
        let store = Store::with_devices(1);
        if let Some((bridge, number)) = before {
            store.session_begins(&session(Some(bridge), number));
            store.session_ends(&session(Some(bridge), number));
        }
        store.session_ends(&session(Some("b1"), 5));
        store.session_begins(&session(Some("b1"), 5));
        store.session_begins(&session(Some("b1"), 4));
        assert!(!is_connected(&store), "{before:?}");
        store.session_begins(&session(Some("b1"), 6));
        assert!(is_connected(&store), "{before:?}");
    }
}

#[test]
fn an_end_ends_what_its_bridge_held_before_and_nothing_that_another_holds() {
    let store = Store::with_devices(1);
    store.session_begins(&session(Some("b1"), 4));
    store.session_ends(&session(Some("b1"), 5));
    assert!(!is_connected(&store), "a device has one session of a bridge");
    store.session_begins(&session(Some("b2"), 1));
    store.session_ends(&session(Some("b1"), 7));
    assert!(is_connected(&store));
}

#[test]
fn sessions_without_a_number_begin_and_end_as_they_are_told() {
    for bridge in [None, Some("b1")] {
        let store = Store::with_devices(1);
        for _ in 0..2 {
            store.session_begins(&session(bridge, 0));
            assert!(is_connected(&store));
            store.session_ends(&session(bridge, 0));
            assert!(!is_connected(&store));
        }
    }
}

#[test]
fn sessions_leave_the_tasks_of_deleted_jobs_to_the_purge() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(10));
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    store.act(|ledger| ledger.delete_job(&job).unwrap());
    store.sql.execute("UPDATE task SET state = 'waiting', ready_until = 7", &[]).unwrap();
    let ready_until = || {
        let rows = store.sql.query("SELECT ready_until FROM task", &[]).unwrap();
        rows[0].int(0).unwrap()
    };
    store.session_begins(&session(Some("b1"), 1));
    assert_eq!(ready_until(), 7);
    let for_ever = 9_007_199_254_740_992;
    store.sql.execute("UPDATE task SET ready_until = $1", &[for_ever.into()]).unwrap();
    store.session_ends(&session(Some("b1"), 1));
    assert_eq!(ready_until(), for_ever);
}
