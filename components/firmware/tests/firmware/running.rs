//! A body while it runs: it goes on as long as its attempt lives, and for a minute without a word of it.

use ota_testbed::{Fault, Streamed, Testbed, image};
use serde_json::Value;

use crate::granted;

/// Three pieces.
const SIZE: usize = 700_000;
const PIECE: usize = 262_144;

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
fn a_ledger_that_is_asked_in_vain_for_a_minute_cuts_what_began_and_no_sooner() {
    for (silent_for, is_cut) in [(5_000, false), (59_999, false), (60_000, true), (3_600_000, true)] {
        let bed = Testbed::new();
        let image = image(SIZE);
        let (_, url) = granted(&bed, &image);
        let request = bed.device("d0").fetch(&url).body(Vec::new()).unwrap();
        let streamed = bed.download_while(&request, |came| match came.len() {
            PIECE => {
                bed.sql.fail_at(0, Fault::Gone);
                // However long it takes to be asked for the first time.
                bed.pass(600_000);
            }
            len if len == 2 * PIECE => bed.pass(silent_for),
            _ => {}
        });
        assert_eq!(streamed.is_cut, is_cut, "after {silent_for} ms");
        assert_eq!(streamed.response.body().len(), if is_cut { 2 * PIECE } else { SIZE });
    }
}

#[test]
fn a_minute_without_a_word_of_the_ledger_is_not_stretched_by_asking() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, &image(20 * PIECE));
    let request = bed.device("d0").fetch(&url).body(Vec::new()).unwrap();
    let streamed = bed.download_while(&request, |came| match came.len() / PIECE {
        0 => {}
        1 => bed.sql.fail_at(0, Fault::Gone),
        _ => bed.pass(7_000),
    });
    assert!(streamed.is_cut);
    // Behind the first that is in vain, 8 * 7 s are below the bound, 9 * 7 s are not.
    assert_eq!(streamed.response.body().len(), 11 * PIECE);
}

#[test]
fn one_word_of_the_ledger_is_good_for_another_minute() {
    let bed = Testbed::new();
    let image = image(20 * PIECE);
    let (_, url) = granted(&bed, &image);
    let request = bed.device("d0").fetch(&url).body(Vec::new()).unwrap();
    let streamed = bed.download_while(&request, |came| {
        bed.pass(10_000);
        if (came.len() / PIECE).is_multiple_of(5) {
            bed.sql.heal();
        } else {
            bed.sql.fail_at(0, Fault::Gone);
        }
    });
    bed.sql.heal();
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
