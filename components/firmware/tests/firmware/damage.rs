//! Whatever became of a stored byte: the client never receives a wrong one, the firmware is quarantined, its jobs
//! hold, and an event says so.

use http::StatusCode;
use ota_testbed::{Testbed, image, json};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{get, granted, offered, status};

/// A piece and a half block: five blocks, two pieces.
const SIZE: usize = 300_000;
const PIECE: usize = 262_144;

#[test]
fn a_flipped_byte_never_leaves_and_takes_the_firmware_out_of_service() {
    for at in [0, 1, 65_535, 65_536, 131_072, PIECE - 1, PIECE, PIECE + 1, SIZE - 1] {
        assert_found(&format!("byte {at}"), |bed| flip(bed, at));
    }
}

#[test]
fn a_missing_cut_grown_or_foreign_piece_takes_the_firmware_out_of_service() {
    for piece in ["0", "1"] {
        assert_found("a missing piece", |bed| bed.kv.alter(&key(bed, piece), |value| *value = None));
        for keep in [0, 1, 1000] {
            assert_found("a cut piece", |bed| edit(bed, piece, |value| value.truncate(keep)));
        }
        assert_found("a grown piece", |bed| edit(bed, piece, |value| value.push(0)));
        assert_found("an empty piece", |bed| edit(bed, piece, Vec::clear));
        assert_found("another's piece", |bed| edit(bed, piece, |value| value.reverse()));
    }
}

#[test]
fn a_damaged_list_of_digests_takes_the_firmware_out_of_service() {
    for at in [0, 31, 32, 159] {
        assert_found("a flipped digest", |bed| edit(bed, "digests", |list| list[at] ^= 0x80));
    }
    assert_found("a cut list", |bed| edit(bed, "digests", |list| list.truncate(128)));
    assert_found("a grown list", |bed| edit(bed, "digests", |list| list.extend([0; 32])));
    assert_found("swapped digests", |bed| edit(bed, "digests", |list| list.rotate_left(32)));
    assert_found("an empty list", |bed| edit(bed, "digests", Vec::clear));
    assert_found("no list", |bed| bed.kv.alter(&key(bed, "digests"), |value| *value = None));
}

#[test]
fn a_block_swapped_with_another_firmwares_is_found_even_with_its_own_digests() {
    assert_found("a whole other object", |bed| {
        bed.add_firmware("3", &image(SIZE + 8)[8..]);
        let parts = ["0", "1", "digests"];
        for part in parts {
            let mut theirs = None;
            bed.kv.alter(&format!("image:{}:{part}", object(bed, "3")), |value| theirs.clone_from(value));
            bed.kv.alter(&key(bed, part), |value| *value = theirs);
        }
    });
}

#[test]
fn damage_outside_a_range_does_not_keep_it_from_being_served() {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (_, url) = granted(&bed, &image);
    flip(&bed, 70_000);
    for (range, from, to) in [("bytes=0-65535", 0, 65_535), ("bytes=131072-", 131_072, SIZE - 1)] {
        let streamed = get(&bed, &url, &[("range", range)]);
        assert!(streamed.response.body() == &image[from..=to] && !streamed.is_cut, "{range}");
    }
    assert!(!is_quarantined(&bed));
    for range in ["bytes=70000-70000", "bytes=65536-65536", "bytes=0-65536"] {
        assert_eq!(get(&bed, &url, &[("range", range)]).response.status(), StatusCode::GONE, "{range}");
        assert!(is_quarantined(&bed));
    }
}

#[test]
fn damage_before_the_first_byte_exposes_nobody() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, &image(SIZE));
    flip(&bed, 0);
    assert_eq!(status(&bed, &url), StatusCode::GONE);
    assert_eq!(bed.job(&job)["begun"], 0);
}

#[test]
fn every_job_of_a_quarantined_firmware_holds_and_none_is_made_or_offered() {
    let bed = Testbed::with_fleet(3, &image(SIZE));
    let pushed = bed.add_job("push", json!({"devices": ["d0", "d2"]}));
    let asked = bed.add_job("request", json!({"devices": ["d1"]}));
    let offer = offered(&bed.device("d1"));
    let url = bed.device("d0").inform("1").file_url().clone();
    flip(&bed, 0);
    assert_eq!(status(&bed, &url), StatusCode::GONE);
    for job in [&pushed, &asked] {
        let shown = bed.job(job);
        assert_eq!(
            (&shown["state"], &shown["held_because"]),
            (&json!("held"), &json!("firmware quarantined"))
        );
    }
    assert_eq!(status(&bed, &offer), StatusCode::GONE);
    assert_eq!(bed.device("d1").getversion().versions(), [""; 0]);
    assert_eq!(bed.device("d0").inform("1").command, None);
    assert_eq!(bed.device("d2").inform("1").command, None);
    assert_eq!(bed.sweep("b", &[])["granted"], 0);
    let body = json!({"product": "pk", "to": "2"}).to_string();
    let refused = bed.operate(http::Method::POST, "/api/v1/jobs", body);
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(json(&refused)["error"]["code"], "quarantined");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_byte_is_flipped_and_whatever_range_is_asked_only_true_bytes_leave(
        size in 1..1_048_576_usize,
        flipped in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        ends in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        const BLOCK: usize = 65_536;
        let image = image(size);
        let bed = Testbed::new();
        let (_, url) = granted(&bed, &image);
        let at = flipped.index(size);
        let (one, other) = (ends.0.index(size), ends.1.index(size));
        let (from, to) = (one.min(other), one.max(other));
        edit(&bed, &(at / PIECE).to_string(), |piece| piece[at % PIECE] ^= 1 << bit);
        let streamed = get(&bed, &url, &[("range", &format!("bytes={from}-{to}"))]);
        let came = streamed.response.body();
        let is_hit = (from / BLOCK..=to / BLOCK).contains(&(at / BLOCK));
        if streamed.response.status() == StatusCode::PARTIAL_CONTENT {
            prop_assert!(image[from..=to].starts_with(came));
            prop_assert_eq!(streamed.is_cut, is_hit);
            prop_assert_eq!(came.len() == to - from + 1, !is_hit);
        } else {
            prop_assert_eq!(streamed.response.status(), StatusCode::GONE);
            prop_assert!(is_hit);
        }
        prop_assert_eq!(is_quarantined(&bed), is_hit);
    }
}

/// Damages a stored firmware and downloads it.
fn assert_found(what: &str, damage: impl Fn(&Testbed)) {
    let bed = Testbed::new();
    let image = image(SIZE);
    let (job, url) = granted(&bed, &image);
    damage(&bed);
    let streamed = get(&bed, &url, &[]);
    let came = streamed.response.body();
    match streamed.response.status() {
        StatusCode::OK => {
            assert!(streamed.is_cut, "{what}: the body ended as if it were whole");
            assert!(came.len() < SIZE && image.starts_with(came), "{what}: a wrong byte left");
        }
        other => assert_eq!(other, StatusCode::GONE, "{what}"),
    }
    assert!(is_quarantined(&bed), "{what}");
    let shown = bed.job(&job);
    assert_eq!(
        (&shown["state"], &shown["held_because"]),
        (&json!("held"), &json!("firmware quarantined")),
        "{what}"
    );
    for kind in ["quarantined", "held"] {
        assert_eq!(bed.events().iter().filter(|event| *event == kind).count(), 1, "{what}: {kind}");
    }
    assert_eq!(status(&bed, &url), StatusCode::GONE, "{what}: and nothing more leaves");
}

fn is_quarantined(bed: &Testbed) -> bool {
    let shown: Value = bed.show("/api/v1/products/pk/firmware");
    shown["firmware"][0]["quarantined"].as_bool().unwrap()
}

fn flip(bed: &Testbed, at: usize) {
    edit(bed, &(at / PIECE).to_string(), |piece| piece[at % PIECE] ^= 1);
}

fn edit(bed: &Testbed, part: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    bed.kv.alter(&key(bed, part), |value| edit(value.as_mut().unwrap()));
}

fn key(bed: &Testbed, part: &str) -> String {
    format!("image:{}:{part}", object(bed, "2"))
}

fn object(bed: &Testbed, version: &str) -> String {
    bed.sql.look(&format!("SELECT object FROM firmware WHERE version = '{version}'"))[0].text(0).unwrap()
}
