//! Trouble behind the bridge: the device waits unacknowledged, nothing is lost, and nothing blocks for ever.

use std::time::Duration;

use tokio::time::Instant;

use crate::device::Packet;
use crate::gateway::{Answer, Gateway};
use crate::setup::{Setup, eventually, settings, topic};

#[tokio::test]
async fn the_puback_is_withheld_while_the_gateway_is_unavailable() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(503)]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    setup.gateway.until_called("inform", 4).await;
    device.expect_silence().await;
    setup.gateway.answer("inform", [Answer::body("at last")]);
    assert_eq!(device.message().await, (topic("dk", "inform_reply"), "at last".to_owned()));
    assert_eq!(device.next().await, Packet::Puback(1));
    assert!(setup.bridge.metrics().retries >= 4);
}

#[tokio::test]
async fn the_age_of_a_message_grows_with_each_attempt() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(503), Answer::Status(429), Answer::body("ok")]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    device.message().await;
    let calls = setup.gateway.calls("inform");
    let ages: Vec<u64> = calls.iter().map(|call| call.header("x-mqtt-age").parse().unwrap()).collect();
    assert!(ages.is_sorted(), "{ages:?}");
    assert!(ages[2] >= 15, "two pauses of at least 5 and 10 ms lie between: {ages:?}");
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let setup = Setup::with(|settings| settings.retry_longest = Duration::from_secs(5)).await;
    let later = Answer::Headers(vec![("retry-after", "1".to_owned())], 503, String::new());
    setup.gateway.answer("inform", [later, Answer::body("ok")]);
    let mut device = setup.device("dk").await;
    let asked = Instant::now();
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    device.message().await;
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_asked_for_again() {
    let setup = Setup::with(|settings| settings.request_timeout = Duration::from_millis(100)).await;
    setup.gateway.answer("inform", [Answer::body("never").held(), Answer::body("ok")]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    assert_eq!(device.message().await.1, "ok");
    assert_eq!(device.next().await, Packet::Puback(1));
}

#[tokio::test]
async fn a_gateway_that_was_restarted_gets_the_message() {
    let first = Gateway::start().await;
    let url = first.url();
    first.answer("inform", [Answer::body("never").held()]);
    let bridge = ota_bridge::start(settings(&url)).await.unwrap();
    let mut device = crate::device::Device::connect(bridge.local_addr(), "dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    first.until_called("inform", 1).await;
    drop(first);
    let retries = bridge.metrics().retries;
    eventually("it was tried in vain", || bridge.metrics().retries > retries + 2).await;
    let _second = Gateway::at(url.trim_start_matches("http://").parse().unwrap()).await;
    assert_eq!(device.message().await.1, "reply to x");
    assert_eq!(device.next().await, Packet::Puback(1));
}

#[tokio::test]
async fn a_refused_token_keeps_the_message_unacknowledged() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(401), Answer::Status(403), Answer::Status(401)]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    eventually("refusals are counted", || setup.bridge.metrics().tokens_refused >= 6).await;
    device.expect_silence().await;
    setup.gateway.answer("inform", [Answer::body("ok")]);
    device.message().await;
    assert_eq!(device.next().await, Packet::Puback(1));
    assert_eq!(setup.bridge.metrics().given_up, 0);
}

#[tokio::test]
async fn a_message_that_cannot_be_processed_is_given_up_after_five_tries() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(500)]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    assert_eq!(device.next().await, Packet::Puback(1));
    assert_eq!(setup.gateway.calls("inform").len(), 5);
    assert_eq!(setup.bridge.metrics().given_up, 1);
    device.publish(&topic("dk", "progress"), "x", 1, 2).await;
    device.message().await;
    assert_eq!(device.next().await, Packet::Puback(2));
}

#[tokio::test]
async fn work_ends_with_its_connection() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(503)]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    setup.gateway.until_called("inform", 3).await;
    drop(device);
    eventually("the session has ended", || setup.bridge.metrics().sessions == 0).await;
    let calls = setup.gateway.calls("inform").len();
    let mut again = setup.device("dk").await;
    again.expect_silence().await;
    assert!(setup.gateway.calls("inform").len() <= calls + 1, "at most the request under way may follow");
}

#[tokio::test]
async fn requests_at_once_are_capped() {
    let setup = Setup::with(|settings| settings.max_in_flight = 2).await;
    setup.gateway.answer("inform", [Answer::body("ok").held()]);
    let mut devices = Vec::new();
    for key in ["a", "b", "c"] {
        devices.push(setup.device(key).await);
    }
    for (device, key) in devices.iter_mut().zip(["a", "b", "c"]) {
        device.publish(&topic(key, "inform"), "x", 1, 1).await;
    }
    setup.gateway.until_called("inform", 2).await;
    devices[2].expect_silence().await;
    assert_eq!(setup.gateway.calls("inform").len(), 2);
    setup.gateway.release();
    for device in &mut devices {
        device.message().await;
    }
}
