//! The cost contract: what an inform reads and writes.

use ota_testbed::Testbed;
use serde_json::json;

#[test]
fn an_unchanged_inform_is_one_statement_and_one_write_more_in_300_s() {
    let bed = Testbed::with_fleet(1, b"firmware");
    bed.add_job("push", json!({"devices": ["d0"]}));
    bed.device("d0").inform("1");
    bed.device("d0").progress(10);
    let cost = || {
        let (sql, kv) = (bed.sql.count(), bed.kv.count());
        bed.device("d0").inform("1");
        (bed.sql.count() - sql, bed.kv.count() - kv)
    };
    assert_eq!(cost(), (1, 0));
    bed.pass(299_999);
    assert_eq!(cost(), (1, 0));
    bed.pass(1);
    assert_eq!(cost(), (2, 0));
    assert_eq!(cost(), (1, 0));
}

#[test]
fn a_bad_message_costs_nothing() {
    let bed = Testbed::with_fleet(1, b"firmware");
    let before = (bed.sql.count(), bed.kv.count());
    bed.device("d0").publish("inform", "{");
    assert_eq!((bed.sql.count(), bed.kv.count()), before);
}
