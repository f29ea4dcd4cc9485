//! Every statement of messages and of the sweep is covered by an index, so that it costs the same at any size of fleet.

use ota_rollout::Mode;

use crate::database::scans;
use crate::ledger::store::{Store, terms};

#[test]
fn no_query_of_sweep_or_message_scans_a_table_that_grows_with_the_fleet() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(10));
    let statements = store.sql.statements_of(|| {
        store.act(|ledger| ledger.sweep().unwrap());
        store.act(|ledger| ledger.deliveries(Some("b1")).unwrap());
        store.act(|ledger| ledger.delivered("1").unwrap());
        let link = store.inform("d0", "1").unwrap().link;
        store.act(|ledger| ledger.begin(&link).unwrap());
        store.inform("d0", "2");
        store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    });
    let explainable =
        |sql: &str| ["SELECT", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.starts_with(verb));
    for (statement, params) in statements.iter().filter(|(sql, _)| explainable(sql)) {
        let scans = scans(&store.sql, statement, params);
        assert!(scans.is_empty(), "{scans:?}\nin {statement}");
    }
}
