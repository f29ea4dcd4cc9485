//! One session per device: the newest.

use crate::gateway::Answer;
use crate::setup::{Setup, eventually, topic};

#[tokio::test]
async fn a_second_connection_of_a_device_takes_over() {
    let setup = Setup::start().await;
    let mut older = setup.device("dk").await;
    let mut newer = setup.device("dk").await;
    older.expect_close().await;
    newer.publish(&topic("dk", "inform"), "x", 1, 1).await;
    assert_eq!(newer.message().await.1, "reply to x");
    let metrics = setup.bridge.metrics();
    assert_eq!((metrics.takeovers, metrics.sessions), (1, 1));
}

#[tokio::test]
async fn the_same_key_in_another_product_is_another_device() {
    let setup = Setup::start().await;
    let mut one = setup.device("dk").await;
    let mut other = crate::device::Device::dial(setup.bridge.local_addr()).await;
    other.login(&crate::device::Login { username: Some("dk&pk2"), ..Default::default() }).await;
    other.next().await;
    one.expect_silence().await;
    assert_eq!(setup.bridge.metrics().sessions, 2);
}

#[tokio::test]
async fn the_older_sessions_work_ends_and_commands_reach_the_newer() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(503)]);
    let mut older = setup.device("dk").await;
    older.publish(&topic("dk", "inform"), "old", 1, 1).await;
    setup.gateway.until_called("inform", 2).await;
    let mut newer = setup.device("dk").await;
    older.expect_close().await;
    let calls = setup.gateway.calls("inform").len();
    newer.expect_silence().await;
    assert!(setup.gateway.calls("inform").len() <= calls + 1);
    setup.gateway.answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), r#"{"id":"1"}"#)]);
    newer.message().await;
}

#[tokio::test]
async fn presence_ends_with_the_newest_session_connected() {
    let setup = Setup::start().await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(setup.device("dk").await);
    }
    eventually("the last is reported", || setup.gateway.presence().contains(&"connected pk/dk 5".to_owned()))
        .await;
    drop(sessions);
    eventually("its end too", || setup.gateway.presence().last().unwrap() == "disconnected pk/dk 5").await;
    let events = setup.gateway.presence();
    let numbers: Vec<u64> = events.iter().map(|e| e.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "{events:?}");
    assert!(events.iter().filter(|event| event.starts_with("disconnected")).count() == 1, "{events:?}");
}
