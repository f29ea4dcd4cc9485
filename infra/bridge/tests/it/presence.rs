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
