//! Whatever comes over the socket, the bridge serves the next device.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::device::{Device, Login, Packet, publish, subscribe};
use crate::gateway::Answer;
use crate::setup::{Setup, eventually, topic};

/// Bytes that are no MQTT at all, and MQTT with a few bytes changed, which gets further.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..300);
    let mut stream = publish(&topic("dk", "inform"), b"{}", 1, 1);
    stream.extend(subscribe(2, &[("/sys/pk/dk/#", 1)]));
    stream.extend([0xC0, 0, 0x62, 2, 0, 1, 0x40, 2, 0, 1]);
    stream.extend(publish(&topic("dk", "progress"), b"{}", 2, 3));
    let edits = proptest::collection::vec((0..stream.len(), any::<u8>()), 0..4);
    let changed = edits.prop_map(move |edits| {
        let mut bytes = stream.clone();
        for (at, byte) in edits {
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![noise, changed]
}

#[test]
fn arbitrary_bytes_harm_only_their_own_connection() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setup = runtime.block_on(Setup::start());
    let address = setup.bridge.local_addr();
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&(any::<bool>(), bytes()), |(logs_in, bytes)| {
        runtime.block_on(async {
            let mut device = Device::dial(address).await;
            let mut all = if logs_in { Login::default().bytes() } else { Vec::new() };
            all.extend(bytes);
            all.extend([0xE0, 0]);
            device.send(&all).await;
            drop(device);
        });
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(async {
        let mut device = setup.device("after").await;
        device.publish(&topic("after", "inform"), "x", 1, 1).await;
        assert_eq!(device.message().await.1, "reply to x");
        drop(device);
        eventually("every session has ended", || setup.bridge.metrics().sessions == 0).await;
    });
}

#[tokio::test]
async fn packets_that_only_a_server_may_send_end_the_connection() {
    let setup = Setup::start().await;
    for bytes in
        [&[0x20, 2, 0, 0][..], &[0x90, 3, 0, 1, 0], &[0xD0, 0], &[0xF0, 0], &[0x00, 0], &[0x40, 2, 0, 9]]
    {
        let mut device = setup.device("dk").await;
        device.send(bytes).await;
        device.expect_close().await;
    }
    let mut twice = setup.device("dk").await;
    twice.login(&Login::default()).await;
    twice.expect_close().await;
}

#[tokio::test]
async fn a_flooding_device_is_not_read_further_than_its_share() {
    let setup = Setup::with(|settings| settings.max_queued = 4).await;
    setup.gateway.answer("inform", [Answer::body("ok").held()]);
    let mut device = setup.device("dk").await;
    let mut burst = Vec::new();
    for id in 1..=20 {
        burst.extend(publish(&topic("dk", "inform"), b"x", 1, id));
    }
    device.send(&burst).await;
    eventually("its share is taken", || setup.bridge.metrics().publishes == 4).await;
    device.expect_silence().await;
    assert_eq!(setup.bridge.metrics().publishes, 4);
    setup.gateway.release();
    for id in 1..=20 {
        device.message().await;
        assert_eq!(device.next().await, Packet::Puback(id));
    }
}

#[tokio::test]
async fn large_messages_are_held_by_their_bytes() {
    let setup = Setup::with(|settings| settings.max_queued_bytes = 1000).await;
    setup.gateway.answer("inform", [Answer::body("ok").held()]);
    let mut device = setup.device("dk").await;
    for id in 1..=5 {
        device.send(&publish(&topic("dk", "inform"), &[b'x'; 900], 1, id)).await;
    }
    eventually("two are taken", || setup.bridge.metrics().publishes == 2).await;
    device.expect_silence().await;
    assert_eq!(setup.bridge.metrics().publishes, 2);
    setup.gateway.release();
    for id in 1..=5 {
        device.message().await;
        assert_eq!(device.next().await, Packet::Puback(id));
    }
}

#[tokio::test]
async fn a_device_that_does_not_read_is_cut_off() {
    let setup = Setup::with(|settings| {
        settings.write_timeout = std::time::Duration::from_millis(200);
        settings.max_unacknowledged = usize::MAX;
    })
    .await;
    setup.gateway.answer("inform", [Answer::body("x".repeat(1024 * 1024))]);
    let mut device = setup.device("dk").await;
    for _ in 0..30 {
        device.publish(&topic("dk", "inform"), "x", 0, 0).await;
    }
    eventually("it is cut off", || setup.bridge.metrics().slow_devices == 1).await;
    eventually("its session has ended", || setup.bridge.metrics().sessions == 0).await;
}
