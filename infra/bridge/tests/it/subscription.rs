//! What a device may subscribe to; nothing that reaches it depends on it.

use crate::device::{Packet, subscribe, unsubscribe};
use crate::setup::{Setup, topic};

#[tokio::test]
async fn own_topics_are_granted_and_all_others_refused_each_by_itself() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let filters = [
        ("/sys/pk/dk/ota/device/upgrade", 1),
        ("/sys/pk/dk/ota/device/+", 0),
        ("/sys/pk/dk/#", 2),
        ("/sys/pk/other/ota/device/upgrade", 1),
        ("/sys/pk/+/ota/device/upgrade", 1),
        ("#", 0),
        ("$SYS/#", 0),
    ];
    device.send(&subscribe(3, &filters)).await;
    assert_eq!(device.next().await, Packet::Suback(3, vec![1, 0, 1, 0x80, 0x80, 0x80, 0x80]));
    let metrics = setup.bridge.metrics();
    assert_eq!((metrics.subscriptions_granted, metrics.subscriptions_refused), (3, 4));
}

#[tokio::test]
async fn a_refused_subscription_does_not_end_the_session() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    device.send(&subscribe(1, &[("/sys/pk/other/#", 1)])).await;
    assert_eq!(device.next().await, Packet::Suback(1, vec![0x80]));
    device.publish(&topic("dk", "inform"), "x", 1, 2).await;
    assert_eq!(device.message().await.1, "reply to x");
}

#[tokio::test]
async fn unsubscribing_does_no_harm() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    device.send(&unsubscribe(4, "/sys/pk/dk/ota/device/inform_reply")).await;
    assert_eq!(device.next().await, Packet::Unsuback(4));
    device.send(&unsubscribe(5, "/never/subscribed")).await;
    assert_eq!(device.next().await, Packet::Unsuback(5));
    device.publish(&topic("dk", "inform"), "x", 1, 6).await;
    assert_eq!(device.message().await.1, "reply to x");
}
