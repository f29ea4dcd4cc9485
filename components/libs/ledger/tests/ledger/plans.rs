//! Every query of the sweep is covered by an index, so that a quiet sweep costs the same at any size of fleet.

use ota_ledger::Sql;
use ota_rollout::Mode;

use crate::store::{Store, terms};

#[test]
fn no_query_of_sweep_or_message_scans_a_table_that_grows_with_the_fleet() {
    let store = Store::with_devices(3);
    let job = store.job(Mode::Push, terms(10));
    let before = store.sql.statements.borrow().len();
    store.act(|ledger| ledger.sweep().unwrap());
    store.act(|ledger| ledger.deliveries(Some("b1")).unwrap());
    store.act(|ledger| ledger.delivered("1").unwrap());
    let link = store.inform("d0", "1").unwrap().link;
    store.act(|ledger| ledger.begin(&link).unwrap());
    store.inform("d0", "2");
    store.act(|ledger| ledger.stop_job(&job, false).unwrap());
    let statements = store.sql.statements.borrow()[before..].to_vec();
    let mut explained = 0;
    for statement in statements.iter().filter(|sql| sql.starts_with(['S', 'U'])) {
        let most = (1..=40).filter(|n| statement.contains(&format!("${n}"))).max().unwrap_or(0);
        let nulls = vec![ota_ledger::Value::Null; most];
        let plan = store.sql.query(&format!("EXPLAIN QUERY PLAN {statement}"), &nulls).unwrap();
        for row in plan {
            let step = row.text(3).unwrap();
            let scans = step.contains("AUTOMATIC")
                || step.starts_with("SCAN")
                    && !["SCAN l", "SCAN test_clock", "SCAN CONSTANT ROW"]
                        .iter()
                        .any(|known| step.starts_with(known))
                    && !step.contains("USING INDEX");
            assert!(!scans, "{step}\nin {statement}");
            explained += 1;
        }
    }
    assert!(explained > 20, "only {explained} steps were read");
}
