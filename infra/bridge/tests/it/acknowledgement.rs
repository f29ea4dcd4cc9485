//! What a device's PUBACK stands for: the gateway has processed the message, and the reply is ahead of it.

use crate::device::{Packet, publish, subscribe};
use crate::gateway::Answer;
use crate::setup::{Setup, eventually, topic};

fn reply(key: &str, name: &str, payload: &str, qos: u8, id: u16) -> Packet {
    let topic = topic(key, &format!("{name}_reply"));
    Packet::Publish { topic, payload: payload.to_owned(), qos, id, retain: false }
}

#[tokio::test]
async fn the_reply_comes_before_the_puback_and_without_a_subscription() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    for (id, name) in (1..).zip(["inform", "progress", "getversion"]) {
        device.publish(&topic("dk", name), "payload", 1, id).await;
        assert_eq!(device.next().await, reply("dk", name, "reply to payload", 1, id));
        assert_eq!(device.next().await, Packet::Puback(id));
    }
    device.expect_silence().await;
}

#[tokio::test]
async fn the_payload_and_the_facts_of_the_message_reach_the_component_unchanged() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let payload = [0x00, 0xFF, b'{', 0xC3, 0x28];
    device.send(&publish(&topic("dk", "inform"), &payload, 1, 1)).await;
    let call = setup.gateway.until_called("inform", 1).await.remove(0);
    assert_eq!(call.path, "/topic/sys/pk/dk/ota/device/inform");
    assert_eq!(&call.body[..], payload);
    assert_eq!(call.header("x-mqtt-client-id"), "client");
    assert!(call.header("x-mqtt-age").parse::<u64>().unwrap() < 5_000);
}

#[tokio::test]
async fn a_subscribed_device_gets_its_reply_once() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let filters = [("/sys/pk/dk/ota/device/inform_reply", 1), ("/sys/pk/dk/#", 1)];
    device.send(&subscribe(9, &filters)).await;
    assert_eq!(device.next().await, Packet::Suback(9, vec![1, 1]));
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    assert_eq!(device.next().await, reply("dk", "inform", "reply to x", 1, 1));
    assert_eq!(device.next().await, Packet::Puback(1));
    device.expect_silence().await;
}

#[tokio::test]
async fn a_reply_has_the_quality_of_its_request() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 0, 0).await;
    assert_eq!(device.next().await, reply("dk", "inform", "reply to x", 0, 0));
    device.expect_silence().await;
}

#[tokio::test]
async fn a_qos_2_message_is_received_only_when_it_was_processed() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::body("done").held()]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 2, 7).await;
    setup.gateway.until_called("inform", 1).await;
    device.publish(&topic("dk", "inform"), "x", 2, 7).await;
    device.expect_silence().await;
    setup.gateway.release();
    assert_eq!(device.next().await, reply("dk", "inform", "done", 1, 1));
    assert_eq!(device.next().await, Packet::Pubrec(7));
    device.send(&[0x62, 2, 0, 7]).await;
    assert_eq!(device.next().await, Packet::Pubcomp(7));
    assert_eq!(setup.gateway.calls("inform").len(), 1);
}

#[tokio::test]
async fn no_content_and_an_upgrade_reply_are_acknowledged_without_a_reply() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::Status(204)]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    assert_eq!(device.next().await, Packet::Puback(1));
    device.publish(&topic("dk", "upgrade_reply"), "x", 1, 2).await;
    assert_eq!(device.next().await, Packet::Puback(2));
    device.expect_silence().await;
}

#[tokio::test]
async fn subscribe_and_publish_back_to_back_take_effect_in_that_order() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let mut both = subscribe(5, &[("/sys/pk/dk/ota/device/inform_reply", 1)]);
    both.extend(publish(&topic("dk", "inform"), b"x", 1, 6));
    device.send(&both).await;
    assert_eq!(device.next().await, Packet::Suback(5, vec![1]));
    assert_eq!(device.next().await, reply("dk", "inform", "reply to x", 1, 1));
    assert_eq!(device.next().await, Packet::Puback(6));
}

#[tokio::test]
async fn messages_of_a_device_are_processed_one_by_one_in_order() {
    let setup = Setup::start().await;
    setup.gateway.answer("inform", [Answer::body("held").held()]);
    let mut device = setup.device("dk").await;
    let mut burst = Vec::new();
    for id in 1..=100 {
        let name = if id % 2 == 0 { "progress" } else { "inform" };
        burst.extend(publish(&topic("dk", name), id.to_string().as_bytes(), 1, id));
    }
    device.send(&burst).await;
    setup.gateway.until_called("inform", 1).await;
    device.expect_silence().await;
    assert_eq!(setup.gateway.calls("progress").len(), 0, "the second must wait for the first");
    setup.gateway.release();
    for id in 1..=100 {
        device.message().await;
        assert_eq!(device.next().await, Packet::Puback(id));
    }
    let bodies: Vec<_> =
        setup.gateway.calls("").into_iter().filter(|c| c.path.starts_with("/topic")).collect();
    let order: Vec<u16> =
        bodies.iter().map(|c| std::str::from_utf8(&c.body).unwrap().parse().unwrap()).collect();
    assert_eq!(order, (1..=100).collect::<Vec<u16>>());
}

#[tokio::test]
async fn devices_do_not_wait_for_each_other() {
    let setup = Setup::start().await;
    setup.gateway.answer("/slow/ota/device/inform", [Answer::body("late").held()]);
    let (mut slow, mut quick) = (setup.device("slow").await, setup.device("quick").await);
    slow.publish(&topic("slow", "inform"), "x", 1, 1).await;
    setup.gateway.until_called("inform", 1).await;
    quick.publish(&topic("quick", "inform"), "x", 1, 1).await;
    quick.message().await;
    assert_eq!(quick.next().await, Packet::Puback(1));
    slow.expect_silence().await;
}

#[tokio::test]
async fn messages_before_a_disconnect_are_still_delivered() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let mut bytes = publish(&topic("dk", "inform"), b"1", 0, 0);
    bytes.extend(publish(&topic("dk", "inform"), b"2", 0, 0));
    bytes.extend([0xE0, 0]);
    device.send(&bytes).await;
    device.expect_close().await;
    setup.gateway.until_called("inform", 2).await;
    eventually("the device has left", || setup.bridge.metrics().sessions == 0).await;
}
