//! The cost contract: one read of the key-value store where nothing is open; and the catalogue is but a cache.

use ota_testbed::{Device, Testbed};
use serde_json::json;

use crate::IMAGE;

#[test]
fn with_nothing_open_a_question_is_one_kv_read_and_one_sql_read_and_kv_write_in_5_s() {
    let bed = Testbed::with_fleet(2, IMAGE);
    let cost = |device: &str| {
        let (sql, kv) = (bed.sql.count(), bed.kv.count());
        bed.device(device).getversion();
        (bed.sql.count() - sql, bed.kv.count() - kv)
    };
    assert_eq!(cost("d0"), (1, 2));
    assert_eq!(cost("d0"), (0, 1));
    assert_eq!(cost("d1"), (0, 1), "it is the product's, not the device's");
    bed.pass(5000);
    assert_eq!(cost("d1"), (0, 1));
    bed.pass(1);
    assert_eq!(cost("d1"), (1, 2));
    assert_eq!(cost("d0"), (0, 1));
}

#[test]
fn a_repeated_question_with_an_offer_is_one_kv_and_one_sql_read() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("request", json!({}));
    bed.device("d0").getversion();
    let (sql, kv) = (bed.sql.count(), bed.kv.count());
    bed.device("d0").getversion();
    assert_eq!((bed.sql.count() - sql, bed.kv.count() - kv), (1, 1));
}

#[test]
fn a_catalogue_that_is_lost_or_damaged_or_from_the_future_is_read_again() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("request", json!({}));
    bed.device("d0").getversion();
    for damage in [
        None,
        Some(&b""[..]),
        Some(b"{"),
        Some(b"\xff\xff"),
        Some(br#"{"checked_at":1800000000000}"#),
        Some(br#"{"checked_at":"now","open":[]}"#),
        Some(br#"{"checked_at":9223372036854775807,"open":[]}"#),
        Some(br#"{"checked_at":-9223372036854775808,"open":[]}"#),
    ] {
        bed.kv.alter("catalog:pk", |value| *value = damage.map(<[u8]>::to_vec));
        let offers = bed.device("d0").getversion().reply["data"].as_array().unwrap().len();
        assert_eq!(offers, 1, "{damage:?}");
    }
}

#[test]
fn a_product_that_nobody_registered_leaves_nothing_in_the_store() {
    let bed = Testbed::with_fleet(1, IMAGE);
    Device::new(&bed, "stranger", "d0").getversion();
    assert!(bed.kv.keys("catalog:").is_empty());
}
