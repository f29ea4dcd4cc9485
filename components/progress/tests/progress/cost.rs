//! The cost contract: what a step reads and writes.

use ota_testbed::Testbed;

use crate::granted;

#[test]
fn inside_a_step_of_ten_per_cent_and_60_s_a_report_is_one_statement() {
    let bed = Testbed::new();
    granted(&bed);
    bed.device("d0").progress(20);
    let cost = |step| {
        let (sql, kv) = (bed.sql.count(), bed.kv.count());
        bed.device("d0").progress(step);
        (bed.sql.count() - sql, bed.kv.count() - kv)
    };
    for step in [20, 29, 25] {
        assert_eq!(cost(step), (1, 0), "{step}");
    }
    assert_eq!(cost(30), (2, 0));
    bed.pass(59_999);
    assert_eq!(cost(31), (1, 0));
    bed.pass(1);
    assert_eq!(cost(31), (2, 0));
}

#[test]
fn without_a_task_a_report_is_one_statement() {
    let bed = Testbed::with_fleet(1, crate::IMAGE);
    let sql = bed.sql.count();
    bed.device("d0").progress(20);
    assert_eq!(bed.sql.count() - sql, 1);
}
