//! Rows that cannot be: the database itself refuses them, whatever the code does.

use ota_ledger::Sql;
use ota_rollout::Mode;

use crate::ledger::store::{Store, id, terms};

/// Why the database refuses `statement` over what is of `job`; `None` when it takes it.
fn refusal(store: &Store, statement: &str, job: &str) -> Option<String> {
    store.sql.execute(statement, &[job.into()]).err().map(|error| error.0.to_lowercase())
}

#[test]
fn a_second_live_task_of_a_device_is_refused() {
    let store = Store::with_devices(1);
    store.add_firmware("3");
    let first = store.job(Mode::Push, terms(3));
    let second = store.job_to("3", Mode::Push, terms(3));
    store.inform("d0", "1").unwrap();
    let grant = "UPDATE task SET state = 'granted', exposed = 1, deadline = 1 WHERE job = $1";
    let why = refusal(&store, grant, &second).unwrap_or_default();
    assert!(why.contains("unique"), "{why}");
    store.act(|ledger| ledger.cancel_task(&first, &id("d0").device).unwrap());
    assert_eq!(refusal(&store, grant, &second), None);
}

#[test]
fn a_task_that_cannot_be_is_refused() {
    let store = Store::with_devices(1);
    let job = store.job(Mode::Push, terms(3));
    for impossible in [
        "state = 'granted', deadline = 1",
        "state = 'granted', exposed = 1, deadline = NULL",
        "state = 'succeeded'",
        "state = 'succeeded', begun = 1, exposed = 1",
        "state = 'failed', begun = 1",
        "state = 'timed_out', exposed = 1",
        "begun = 1",
        "backing_off = 1, deadline = NULL",
        "state = 'lost'",
    ] {
        let why = refusal(&store, &format!("UPDATE task SET {impossible} WHERE job = $1"), &job);
        assert!(why.is_some_and(|why| why.contains("check")), "{impossible}");
    }
    assert_eq!(store.tasks(&job).len(), 1);
    store.check(&job);
}

#[test]
fn counters_that_cannot_be_are_refused() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(3));
    store.inform("d0", "1").unwrap();
    for impossible in [
        "exposed = 0",
        "waiting = waiting - 1",
        "succeeded = succeeded + 1",
        "retrying = waiting + 1",
        "retrying = -1",
        "begun = -1",
        "loss_budget = 0",
        "growth = 1001",
    ] {
        let why = refusal(&store, &format!("UPDATE job SET {impossible} WHERE job = $1"), &job);
        assert!(why.is_some_and(|why| why.contains("check")), "{impossible}");
    }
    store.check(&job);
}
