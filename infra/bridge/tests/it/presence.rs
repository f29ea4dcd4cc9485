//! The gateway hears who is there: in batches, in order, and in the end always.

use std::collections::BTreeSet;

use crate::gateway::Answer;
use crate::setup::{Setup, eventually};

#[tokio::test]
async fn coming_and_going_are_reported() {
    let setup = Setup::start().await;
    let device = setup.device("dk").await;
    eventually("connected", || setup.gateway.presence() == ["connected pk/dk 1"]).await;
    drop(device);
    eventually("disconnected", || setup.gateway.presence().len() == 2).await;
    assert_eq!(setup.gateway.presence()[1], "disconnected pk/dk 1");
    let bridges: BTreeSet<_> = setup
        .gateway
        .calls("presence")
        .iter()
        .map(|call| {
            (call.json()[0]["bridge"].as_str().unwrap().to_owned(), call.header("x-ota-bridge").to_owned())
        })
        .collect();
    let (in_body, in_header) = bridges.first().unwrap();
    assert_eq!((bridges.len(), in_body), (1, in_header));
}

#[tokio::test]
async fn presence_is_reported_once_the_gateway_listens_again() {
    let setup = Setup::start().await;
    setup.gateway.answer("presence", [Answer::Status(503), Answer::Status(401), Answer::Status(500)]);
    let stayed = setup.device("stayed").await;
    let left = setup.device("left").await;
    setup.gateway.until_called("presence", 5).await;
    drop(left);
    eventually("it has left", || setup.bridge.metrics().sessions == 1).await;
    let heard_before = setup.gateway.calls("presence").len();
    setup.gateway.answer("presence", [Answer::body(r#"{"commands":[]}"#)]);
    eventually("both changes are heard", || setup.bridge.metrics().presence_reported == 2).await;
    let last = setup.gateway.calls("presence").split_off(heard_before).pop().unwrap().json();
    let events: Vec<_> = last.as_array().unwrap().iter().map(|e| (&e["event"], &e["device"])).collect();
    assert_eq!(events, [(&"connected".into(), &"stayed".into()), (&"disconnected".into(), &"left".into())]);
    drop(stayed);
}

#[tokio::test]
async fn many_changes_go_in_one_report() {
    let setup = Setup::with(|settings| settings.presence_every = std::time::Duration::from_secs(1)).await;
    let mut devices = Vec::new();
    for number in 0..50 {
        devices.push(setup.device(&format!("d{number}")).await);
    }
    eventually("all are reported", || setup.bridge.metrics().presence_reported == 50).await;
    assert!(setup.gateway.calls("presence").len() <= 5, "{} reports", setup.gateway.calls("presence").len());
}

/// An answer to a sweep that asks for all sessions, and the one after it.
fn report_once() -> [Answer; 2] {
    [Answer::body(r#"{"commands":[],"report":true}"#), Answer::body(r#"{"commands":[]}"#)]
}

fn reporting(setup: &Setup) -> usize {
    let sweeps = setup.gateway.calls("sweep");
    sweeps.iter().filter(|call| call.json()["reporting"] == true).count()
}

#[tokio::test]
async fn all_who_are_there_are_reported_anew_when_the_gateway_asks_for_it_and_nobody_who_left() {
    let setup = Setup::start().await;
    let _kept = [setup.device("d1").await, setup.device("d2").await, setup.device("d3").await];
    let left = setup.device("d4").await;
    let again = setup.device("d1").await;
    let reported = |line: &str| setup.gateway.presence().contains(&line.to_owned());
    eventually("all are reported", || reported("connected pk/d4 4") && reported("connected pk/d1 5")).await;
    drop(left);
    eventually("one has left", || reported("disconnected pk/d4 4")).await;
    let before = setup.gateway.presence().len();
    assert_eq!(reporting(&setup), 0);
    setup.gateway.answer("presence", [Answer::Status(503), Answer::body(r#"{"commands":[]}"#)]);
    setup.gateway.answer("sweep", report_once());
    eventually("they are reported anew", || setup.gateway.presence().len() >= before + 6).await;
    let anew = setup.gateway.presence().split_off(before);
    let all = ["connected pk/d2 2", "connected pk/d3 3", "connected pk/d1 5"];
    assert_eq!(anew, [all, all].concat(), "once in vain");
    eventually("it says so", || reporting(&setup) == 1).await;
    drop(again);
    eventually("who leaves is told", || setup.gateway.presence().len() == before + 7).await;
    assert_eq!(reporting(&setup), 1, "once");
}

#[tokio::test]
async fn a_bridge_says_that_it_reports_only_behind_the_answer_that_asked_for_it() {
    let setup = Setup::start().await;
    let _kept = setup.device("dk").await;
    eventually("it is reported", || setup.gateway.presence().len() == 1).await;
    let [report, quiet] = report_once();
    setup.gateway.answer("sweep", [report.clone(), Answer::Status(503), quiet.clone()]);
    let sweeps = setup.gateway.calls("sweep").len();
    setup.gateway.until_called("sweep", sweeps + 5).await;
    assert_eq!(reporting(&setup), 1, "who knows what became of the one that failed");
    setup.gateway.answer("sweep", [report.clone(), report, quiet]);
    eventually("it is asked twice, and reports twice", || setup.gateway.presence().len() >= 3).await;
}
