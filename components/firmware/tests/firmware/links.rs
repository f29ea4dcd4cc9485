//! Which links open nothing.

use http::StatusCode;
use ota_protocol::key::DeviceId;
use ota_protocol::link::Link;
use ota_testbed::{Testbed, json};
use serde_json::json;

use crate::{get, granted, link_in, offered, status, url_with};

#[test]
fn a_link_altered_in_any_character_is_403() {
    let bed = Testbed::new();
    let (job, url) = granted(&bed, b"firmware");
    let url = url.as_str().unwrap();
    let start = url.find("?t=").unwrap() + 3;
    assert!(url[start..].len() > 80);
    for at in start..url.len() {
        for other in ["A", "B", "-", "%00", "%2E", "~", ""] {
            if &url[at..=at] == other || (&url[at..=at] == "." && other == "%2E") {
                continue;
            }
            let altered = format!("{}{other}{}", &url[..at], &url[at + 1..]);
            assert_eq!(status(&bed, &json!(altered)), StatusCode::FORBIDDEN, "{altered}");
        }
    }
    for altered in [
        format!("{url}A"),
        format!("{url}.A"),
        format!("{url}%41"),
        format!("{}{}", &url[..start], "A".repeat(5000)),
    ] {
        let refused = get(&bed, &json!(altered), &[]).response.status();
        assert!(refused.is_client_error(), "{altered:.80}: {refused}");
    }
    assert_eq!(bed.job(&job)["begun"], 0);
}

#[test]
fn a_link_without_its_token_is_401_and_says_what_to_do() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    let bare = url.as_str().unwrap().split_once('?').unwrap().0;
    for altered in [bare.to_owned(), format!("{bare}?t="), format!("{bare}?T=x"), format!("{bare}?t=%ff")] {
        let response = get(&bed, &json!(altered), &[]).response;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{altered}");
        assert_eq!(json(&response)["error"]["hint"], "use the fileUrl of the command as it came");
    }
}

#[test]
fn the_name_in_the_path_decides_nothing_and_a_path_that_is_none_is_404() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    let (_, token) = url.as_str().unwrap().split_once("?t=").unwrap();
    for (path, expected) in [
        ("/fleet/ota/2.bin", StatusCode::OK),
        ("/o15540/ota/anything%20else", StatusCode::OK),
        ("/fleet/ota/%2e%2e", StatusCode::OK),
        ("/fleet/ota/a%2Fb", StatusCode::NOT_FOUND),
        ("/fleet/ota/%00", StatusCode::NOT_FOUND),
        ("/fleet/ota/%ff", StatusCode::NOT_FOUND),
        ("/fleet/ota/", StatusCode::NOT_FOUND),
        ("/api/ota/2.bin", StatusCode::NOT_FOUND),
        ("/../ota/2.bin", StatusCode::NOT_FOUND),
        ("/fleet/x/ota/2.bin", StatusCode::NOT_FOUND),
        ("/", StatusCode::NOT_FOUND),
    ] {
        let url = json!(format!("http://gateway.test{path}?t={token}"));
        assert_eq!(status(&bed, &url), expected, "{path}");
    }
}

#[test]
fn a_link_is_void_after_its_time_in_another_epoch_and_for_another_attempt_task_or_device() {
    let bed = Testbed::with_fleet(2, b"firmware");
    bed.add_job("push", json!({"first_sign_within": 172_800, "devices": ["d0"]}));
    let url = bed.device("d0").inform("1").file_url().clone();
    let sound = link_in(&bed, &url);
    let other = |device: &str| DeviceId::parse("pk", device).unwrap();
    for (link, what) in [
        (Link { epoch: sound.epoch + 1, ..sound.clone() }, "a later epoch"),
        (Link { epoch: sound.epoch - 1, ..sound.clone() }, "an earlier epoch"),
        (Link { attempt: sound.attempt + 1, ..sound.clone() }, "the next attempt"),
        (Link { attempt: 0, ..sound.clone() }, "no attempt"),
        (Link { attempt: i64::MIN, ..sound.clone() }, "an absurd attempt"),
        (Link { attempt: i64::MAX, ..sound.clone() }, "an absurd attempt"),
        (Link { expires_at: ota_testbed::START - 1, ..sound.clone() }, "expired"),
        (Link { task: "0123456789ab".to_owned(), ..sound.clone() }, "another task"),
        (Link { task: String::new(), ..sound.clone() }, "no task"),
        (Link { device: other("d1"), ..sound.clone() }, "another device"),
        (Link { device: other("stranger"), ..sound.clone() }, "an unknown device"),
    ] {
        assert_eq!(status(&bed, &url_with(&bed, &link)), StatusCode::GONE, "{what}");
    }
    assert_eq!(status(&bed, &url), StatusCode::OK);
}

#[test]
fn a_link_ends_by_the_ledgers_clock() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    let ends = link_in(&bed, &url).expires_at - ota_testbed::START;
    assert_eq!(status(&bed, &url), StatusCode::OK);
    assert!(ends > 7_200_000, "longer than an upgrade may take");
    bed.pass(ends);
    assert_eq!(status(&bed, &url), StatusCode::OK);
    bed.pass(1);
    assert_eq!(status(&bed, &url), StatusCode::GONE);
}

#[test]
fn a_restored_ledger_knows_no_link_from_before() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    bed.sql.alter("UPDATE ledger SET epoch = epoch + 1");
    assert_eq!(status(&bed, &url), StatusCode::GONE);
}

#[test]
fn replaced_hardware_voids_the_links_of_the_old() {
    let bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    bed.sql.alter("UPDATE device SET generation = generation + 1");
    assert_eq!(status(&bed, &url), StatusCode::GONE);
}

#[test]
fn an_offer_link_is_void_where_the_offer_was_never_made() {
    let bed = Testbed::with_fleet(2, b"firmware");
    let job = bed.add_job("request", json!({}));
    let made = link_in(&bed, &offered(&bed.device("d0")));
    let never = Link { device: DeviceId::parse("pk", "d1").unwrap(), ..made };
    assert_eq!(status(&bed, &url_with(&bed, &never)), StatusCode::GONE);
    assert_eq!(bed.job(&job)["exposed"], 0);
}

#[test]
fn the_previous_key_opens_links_while_it_is_set() {
    let mut bed = Testbed::new();
    let (_, url) = granted(&bed, b"firmware");
    bed.variables.insert("link_key".to_owned(), "the next link key of the tests".to_owned());
    assert_eq!(status(&bed, &url), StatusCode::FORBIDDEN);
    bed.variables.insert("link_key_previous".to_owned(), "a link key of the tests".to_owned());
    assert_eq!(status(&bed, &url), StatusCode::OK);
}
