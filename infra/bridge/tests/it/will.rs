//! A will is a message like any other, sent when the device cannot.

use crate::device::{Device, Login};
use crate::gateway::Answer;
use crate::setup::{Setup, eventually, topic};

async fn device(setup: &Setup, will: &str) -> Device {
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.login(&Login { will: Some((will, "last words")), ..Login::default() }).await;
    device.next().await;
    device
}

#[tokio::test]
async fn the_will_of_a_device_that_vanished_is_posted_until_it_is_heard() {
    let setup = Setup::start().await;
    setup.gateway.answer("progress", [Answer::Status(503), Answer::body("ok")]);
    drop(device(&setup, &topic("dk", "progress")).await);
    let calls = setup.gateway.until_called("progress", 2).await;
    assert_eq!(&calls[1].body[..], b"last words");
    assert_eq!(setup.bridge.metrics().wills, 1);
}

#[tokio::test]
async fn a_device_that_says_goodbye_leaves_no_will() {
    let setup = Setup::start().await;
    let mut device = device(&setup, &topic("dk", "progress")).await;
    device.disconnect().await;
    device.expect_close().await;
    let end = "disconnected pk/dk 1".to_owned();
    eventually("its end was reported", || setup.gateway.presence().contains(&end)).await;
    assert!(setup.gateway.calls("progress").is_empty());
}

#[tokio::test]
async fn a_will_to_any_other_topic_is_ignored() {
    let setup = Setup::start().await;
    for other in ["/sys/pk/other/ota/device/progress", "/sys/pk/dk/thing/post", "status"] {
        drop(device(&setup, other).await);
    }
    eventually("all have left", || setup.bridge.metrics().sessions == 0).await;
    let topics = setup.gateway.calls("").into_iter().filter(|call| call.path.starts_with("/topic"));
    assert_eq!(topics.count(), 0);
    assert_eq!(setup.bridge.metrics().wills, 0);
}
