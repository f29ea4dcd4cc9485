//! A body while it runs: it goes on as long as its attempt lives, whatever else fails.

use ota_testbed::{Fault, Streamed, Testbed, image};
use serde_json::Value;

use crate::granted;

/// Three pieces.
const SIZE: usize = 700_000;

#[test]
fn a_verdict_cuts_a_running_body_within_5_s() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(SIZE));
    let streamed = running(&bed, &url, |bed| {
        bed.device("d0").progress(-2);
        bed.pass(5_000);
    });
    assert!(streamed.is_cut);
    assert!(streamed.response.body().len() < SIZE);
}

#[test]
fn a_stop_does_not_cut_what_began() {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (job, url) = granted(&bed, &image);
    let streamed = running(&bed, &url, |bed| {
        bed.stop(&job);
        bed.pass(60_000);
    });
    assert!(!streamed.is_cut);
    assert!(*streamed.response.body() == image);
}

#[test]
fn damage_found_by_another_cuts_a_running_body() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(SIZE));
    let streamed = running(&bed, &url, |bed| {
        bed.sql.alter("UPDATE firmware SET quarantined_at = 1");
        bed.pass(5_000);
    });
    assert!(streamed.is_cut);
}

#[test]
fn a_ledger_that_cannot_be_asked_does_not_cut_what_began() {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (_, url) = granted(&bed, &image);
    let streamed = running(&bed, &url, |bed| {
        bed.sql.fail_at(0, Fault::Gone);
        bed.pass(60_000);
    });
    assert!(!streamed.is_cut);
    assert!(*streamed.response.body() == image);
}

#[test]
fn a_store_that_fails_cuts_the_body_and_is_no_damage() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(SIZE));
    let streamed = running(&bed, &url, |bed| bed.kv.fail_at(0, Fault::Gone));
    assert!(streamed.is_cut);
    assert_eq!(bed.show("/api/v1/products/pk/firmware")["firmware"][0]["quarantined"], false);
}

#[test]
fn a_running_body_reads_the_ledger_once_in_5_s() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(SIZE));
    let before = std::cell::Cell::new(0);
    let request = bed.device("d0").fetch(&url).body(Vec::new()).unwrap();
    bed.download_while(&request, |came| {
        if came.is_empty() {
            before.set(bed.sql.count());
            return;
        }
        let asked = bed.sql.count() - before.get();
        let is_second = came.len() > 500_000;
        assert_eq!(asked, usize::from(is_second), "after {} bytes", came.len());
        bed.pass(if is_second { 4_999 } else { 5_000 });
    });
}

/// Downloads; after the first piece `then` happens, once.
fn running(bed: &Testbed, url: &Value, then: impl Fn(&Testbed)) -> Streamed {
    let request = bed.device("d0").fetch(url).body(Vec::new()).unwrap();
    bed.download_while(&request, |came| {
        if (1..=300_000).contains(&came.len()) {
            then(bed);
        }
    })
}
