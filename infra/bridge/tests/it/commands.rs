//! Commands: three ways to the device, without a subscription, and back as an acknowledgement.

use std::time::Duration;

use ota_bridge::Settings;
use serde_json::json;

use crate::device::{Device, Packet};
use crate::gateway::{Answer, Gateway};
use crate::setup::{Setup, eventually, settings, topic};

const COMMAND: &str = r#"{"id":"77","method":"ota.device.upgrade","params":{}}"#;

fn empty() -> Answer {
    Answer::body(r#"{"commands":[],"more":false}"#)
}

#[tokio::test]
async fn a_command_in_the_answer_follows_the_reply_and_precedes_the_puback() {
    let setup = Setup::start().await;
    let headers = vec![("topic", topic("dk", "upgrade")), ("command-payload", COMMAND.to_owned())];
    setup.gateway.answer("inform", [Answer::Headers(headers, 200, "the reply".to_owned())]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "inform"), "x", 0, 0).await;
    assert_eq!(device.message().await, (topic("dk", "inform_reply"), "the reply".to_owned()));
    let Packet::Publish { topic: to, payload, qos, .. } = device.next().await else { panic!("no command") };
    assert_eq!((to, payload.as_str(), qos), (topic("dk", "upgrade"), COMMAND, 1));

    let mut second = setup.device("dk").await;
    second.publish(&topic("dk", "inform"), "x", 1, 9).await;
    assert_eq!(second.message().await.1, "the reply");
    assert_eq!(second.message().await.1, COMMAND);
    assert_eq!(second.next().await, Packet::Puback(9));
}

#[tokio::test]
async fn a_command_may_come_without_a_reply() {
    let setup = Setup::start().await;
    let headers = vec![("topic", topic("dk", "upgrade")), ("command-payload", COMMAND.to_owned())];
    setup.gateway.answer("upgrade_reply", [Answer::Headers(headers, 204, String::new())]);
    let mut device = setup.device("dk").await;
    device.publish(&topic("dk", "upgrade_reply"), "x", 1, 1).await;
    assert_eq!(device.message().await, (topic("dk", "upgrade"), COMMAND.to_owned()));
    assert_eq!(device.next().await, Packet::Puback(1));
}

#[tokio::test]
async fn a_command_of_the_sweep_reaches_the_device_and_its_acknowledgement_the_next_sweep() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    setup.gateway.answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND), empty()]);
    assert_eq!(device.message().await, (topic("dk", "upgrade"), COMMAND.to_owned()));
    eventually("the acknowledgement is reported", || setup.gateway.acknowledged().contains(&"77".to_owned()))
        .await;
    let sweeps = setup.gateway.calls("sweep").len();
    setup.gateway.until_called("sweep", sweeps + 3).await;
    assert_eq!(setup.gateway.acknowledged(), ["77"], "reported once, since the sweep was answered");
    assert_eq!(setup.bridge.metrics().acknowledgements, 1);
}

#[tokio::test]
async fn an_acknowledgement_is_kept_until_a_sweep_was_answered() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    setup
        .gateway
        .answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND), Answer::Status(503)]);
    device.message().await;
    let reports = || setup.gateway.acknowledged().len();
    eventually("it is reported again and again", || reports() >= 3).await;
    setup.gateway.answer("sweep", [empty()]);
    let sweeps = setup.bridge.metrics().sweeps;
    eventually("a sweep was answered", || setup.bridge.metrics().sweeps > sweeps + 2).await;
    let reported = reports();
    let answered = setup.bridge.metrics().sweeps;
    eventually("further sweeps", || setup.bridge.metrics().sweeps > answered + 2).await;
    assert_eq!(reports(), reported);
}

#[tokio::test]
async fn an_acknowledgement_that_the_gateway_could_not_write_is_reported_again() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    let unheard = json!({"commands": [], "more": false, "unheard": ["77"], "failing": ["acknowledgements"]});
    let unheard = Answer::body(unheard.to_string());
    setup.gateway.answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND), unheard]);
    device.message().await;
    let reports = || setup.gateway.acknowledged().len();
    eventually("it is reported again and again", || reports() >= 3).await;
    assert_ne!(setup.bridge.metrics().sweeps_failed, 0);
    setup.gateway.answer("sweep", [empty()]);
    let answered = setup.bridge.metrics().sweeps;
    eventually("a sweep was answered", || setup.bridge.metrics().sweeps > answered + 2).await;
    let (reported, answered) = (reports(), setup.bridge.metrics().sweeps);
    eventually("further sweeps", || setup.bridge.metrics().sweeps > answered + 2).await;
    assert_eq!(reports(), reported);
}

#[tokio::test]
async fn a_command_that_was_not_acknowledged_is_neither_reported_nor_written_twice() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    setup.gateway.answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND)]);
    let Packet::Publish { id, .. } = device.next().await else { panic!("no command") };
    eventually("it was repeated", || setup.bridge.metrics().commands_repeated >= 3).await;
    assert!(setup.gateway.acknowledged().is_empty());
    device.expect_silence().await;
    device.puback(id).await;
    assert_eq!(device.message().await.1, COMMAND, "once acknowledged it may come again");
}

#[tokio::test]
async fn commands_come_with_the_answer_to_presence() {
    let setup = Setup::start().await;
    setup.gateway.answer("presence", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND), empty()]);
    let mut device = setup.device("dk").await;
    assert_eq!(device.message().await.1, COMMAND);
}

#[tokio::test]
async fn a_command_reaches_only_the_device_that_it_names() {
    let setup = Setup::start().await;
    let (mut mine, mut other) = (setup.device("mine").await, setup.device("other").await);
    let commands = json!({"commands": [
        {"product": "pk", "device": "other", "topic": topic("mine", "upgrade"), "payload": "{}"},
        {"product": "pk", "device": "absent", "topic": topic("absent", "upgrade"), "payload": "{}"},
        {"product": "pk", "device": "mine", "topic": topic("mine", "upgrade"), "payload": COMMAND},
    ]});
    setup.gateway.answer("sweep", [Answer::body(commands.to_string()), empty()]);
    assert_eq!(mine.message().await.1, COMMAND);
    other.expect_silence().await;
    assert_eq!(setup.bridge.metrics().commands_undeliverable, 2);
}

#[tokio::test]
async fn a_sweep_that_is_not_finished_is_followed_at_once() {
    let gateway = Gateway::start().await;
    let more = Answer::body(r#"{"commands":[],"more":true}"#);
    gateway.answer("sweep", [more.clone(), more, empty()]);
    let settings = Settings { sweep_every: Duration::from_hours(1), ..settings(&gateway.url()) };
    let bridge = ota_bridge::start(settings).await.unwrap();
    gateway.until_called("sweep", 3).await;
    Device::connect(bridge.local_addr(), "dk").await.expect_silence().await;
    assert_eq!(gateway.calls("sweep").len(), 3, "the third was finished");
}

#[tokio::test]
async fn a_device_that_acknowledges_nothing_is_cut_off() {
    let setup = Setup::with(|settings| settings.max_unacknowledged = 3).await;
    let mut device = setup.device("dk").await;
    for id in 1..=4 {
        device.publish(&topic("dk", "inform"), "x", 1, id).await;
    }
    device.expect_close().await;
    assert_eq!(setup.bridge.metrics().slow_devices, 1);
}
