//! What a device may publish.

use crate::device::{Packet, publish};
use crate::setup::{Setup, eventually, topic};

#[tokio::test]
async fn another_devices_topic_ends_the_connection() {
    let setup = Setup::start().await;
    for foreign in ["/sys/pk/other/ota/device/inform", "/sys/other/dk/ota/device/inform"] {
        let mut device = setup.device("dk").await;
        device.publish(foreign, "x", 1, 1).await;
        device.expect_close().await;
    }
    assert_eq!(setup.bridge.metrics().publishes_refused, 2);
    assert!(setup.gateway.calls("inform").is_empty());
}

#[tokio::test]
async fn a_devices_other_topics_are_acknowledged_in_order_and_go_nowhere() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let mut bytes = publish(&topic("dk", "inform"), b"x", 1, 1);
    bytes.extend(publish("/sys/pk/dk/thing/measurepoint/post", b"{}", 1, 2));
    bytes.extend(publish("weather", b"", 1, 3));
    device.send(&bytes).await;
    device.message().await;
    for id in 1..=3 {
        assert_eq!(device.next().await, Packet::Puback(id));
    }
    assert_eq!(setup.bridge.metrics().publishes_ignored, 2);
    let forwarded = setup.gateway.calls("").into_iter().filter(|call| call.path.starts_with("/topic"));
    assert_eq!(forwarded.count(), 1);
}

#[tokio::test]
async fn a_retained_message_is_processed_like_any_and_retained_nowhere() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let mut bytes = publish(&topic("dk", "inform"), b"x", 1, 1);
    bytes[0] |= 1;
    device.send(&bytes).await;
    let Packet::Publish { retain, .. } = device.next().await else { panic!("no reply") };
    assert!(!retain);
    drop(device);
    eventually("the device has left", || setup.bridge.metrics().sessions == 0).await;
    let mut again = setup.device("dk").await;
    again.send(&crate::device::subscribe(1, &[("/sys/pk/dk/#", 1)])).await;
    assert_eq!(again.next().await, Packet::Suback(1, vec![1]));
    again.expect_silence().await;
}

#[tokio::test]
async fn half_a_mebibyte_passes_and_a_larger_packet_ends_the_connection() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let largest = vec![b'x'; 512 * 1024];
    device.send(&publish(&topic("dk", "upgrade_reply"), &largest, 1, 1)).await;
    assert_eq!(device.next().await, Packet::Puback(1));
    assert_eq!(setup.gateway.calls("upgrade_reply")[0].body.len(), largest.len());

    let above = vec![b'x'; 513 * 1024];
    let bytes = publish(&topic("dk", "upgrade_reply"), &above, 1, 2);
    device.send(&bytes[..100]).await;
    device.expect_close().await;
    assert_eq!(setup.bridge.metrics().protocol_errors, 1);
    assert_eq!(setup.gateway.calls("upgrade_reply").len(), 1);
}
