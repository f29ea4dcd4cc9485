//! Who is let in, who is not, and what each is told.

use std::time::Duration;

use crate::device::{Device, Login, Packet};
use crate::gateway::{Answer, Gateway};
use crate::setup::{Setup, eventually, settings};

fn connack(code: u8) -> Packet {
    Packet::Connack { session_present: false, code }
}

#[tokio::test]
async fn the_gateway_is_asked_with_what_the_device_said() {
    let setup = Setup::start().await;
    let client_id =
        format!("dk{{ip=127.0.0.1,version=2.2.16,{}compress=DEFAULT}}|securemode=2|", "x=y,".repeat(40));
    assert!(client_id.len() > 200);
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.login(&Login { client_id: &client_id, ..Login::default() }).await;
    assert_eq!(device.next().await, connack(0));
    let request = setup.gateway.calls("/mqtt/auth").remove(0).json();
    assert_eq!(request["clientid"], client_id.as_str());
    assert_eq!(request["username"], "dk&pk");
    assert_eq!(request["password"], "secret");
    assert_eq!(request["ipaddr"], "127.0.0.1");
}

#[tokio::test]
async fn a_wrong_password_is_not_authorised() {
    let setup = Setup::start().await;
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.login(&Login { password: "wrong", ..Login::default() }).await;
    assert_eq!(device.next().await, connack(5));
    device.expect_close().await;
    assert_eq!(setup.bridge.metrics().connects_denied, 1);
    assert!(setup.gateway.presence().is_empty());
}

#[tokio::test]
async fn a_device_without_a_user_name_is_not_authorised() {
    let setup = Setup::start().await;
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.login(&Login { username: None, ..Login::default() }).await;
    assert_eq!(device.next().await, connack(5));
    device.expect_close().await;
    assert!(setup.gateway.calls("/mqtt/auth").is_empty());
}

#[tokio::test]
async fn a_gateway_that_cannot_say_is_server_unavailable() {
    let setup = Setup::start().await;
    let answers = [
        Answer::Status(503),
        Answer::Status(500),
        Answer::Status(401),
        Answer::body("{}"),
        Answer::body(r#"{"result":"allow"}"#),
    ];
    for answer in answers {
        setup.gateway.answer("/mqtt/auth", [answer.clone()]);
        let mut device = Device::dial(setup.bridge.local_addr()).await;
        device.login(&Login::default()).await;
        assert_eq!(device.next().await, connack(3), "{answer:?}");
        device.expect_close().await;
    }
}

#[tokio::test]
async fn an_absent_gateway_is_server_unavailable() {
    let gateway = Gateway::start().await;
    let url = gateway.url();
    drop(gateway);
    let bridge = ota_bridge::start(settings(&url)).await.unwrap();
    let mut device = Device::dial(bridge.local_addr()).await;
    device.login(&Login::default()).await;
    assert_eq!(device.next().await, connack(3));
    assert_eq!(bridge.metrics().connects_unavailable, 1);
}

#[tokio::test]
async fn a_session_is_never_present() {
    let setup = Setup::start().await;
    for _ in 0..2 {
        let mut device = Device::dial(setup.bridge.local_addr()).await;
        device.login(&Login { flags: 0, ..Login::default() }).await;
        assert_eq!(device.next().await, connack(0));
        device.disconnect().await;
        device.expect_close().await;
    }
}

#[tokio::test]
async fn what_a_device_pipelines_behind_its_connect_is_served() {
    let setup = Setup::start().await;
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    let mut bytes = Login::default().bytes();
    bytes.extend(crate::device::publish("/sys/pk/dk/ota/device/inform", b"x", 1, 1));
    device.send(&bytes).await;
    assert_eq!(device.next().await, connack(0));
    assert_eq!(device.message().await.1, "reply to x");
    assert_eq!(device.next().await, Packet::Puback(1));
}

#[tokio::test]
async fn other_versions_of_the_protocol_are_told_so() {
    let setup = Setup::start().await;
    let old = [0x10, 14, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 0];
    let future = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 6, 2, 0, 60, 0, 0];
    for bytes in [&old[..], &future[..]] {
        let mut device = Device::dial(setup.bridge.local_addr()).await;
        device.send(bytes).await;
        assert_eq!(device.next().await, connack(1));
        device.expect_close().await;
    }
    let five = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 0];
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.send(&five).await;
    assert_eq!(device.next().await, connack(0x84));
    device.expect_close().await;
}

#[tokio::test]
async fn a_connection_without_a_connect_is_closed() {
    let setup = Setup::with(|settings| settings.connect_within = Duration::from_millis(100)).await;
    let mut silent = Device::dial(setup.bridge.local_addr()).await;
    let mut halting = Device::dial(setup.bridge.local_addr()).await;
    halting.send(&Login::default().bytes()[..10]).await;
    silent.expect_close().await;
    halting.expect_close().await;
    assert_eq!(setup.bridge.metrics().protocol_errors, 2);
}

#[tokio::test]
async fn a_connect_of_absurd_size_is_not_read_to_its_end() {
    let setup = Setup::start().await;
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.send(&[0x10, 0xFF, 0xFF, 0x1F]).await;
    device.send(&vec![0; 70 * 1024]).await;
    device.expect_close().await;
    assert_eq!(setup.bridge.metrics().protocol_errors, 1);
}

#[tokio::test]
async fn connections_beyond_the_cap_are_closed_and_a_place_is_free_again_afterwards() {
    let setup = Setup::with(|settings| settings.max_connections = 1).await;
    let first = setup.device("a").await;
    let mut second = Device::dial(setup.bridge.local_addr()).await;
    second.expect_close().await;
    assert_eq!(setup.bridge.metrics().connections_refused, 1);
    drop(first);
    eventually("the first has left", || setup.bridge.metrics().sessions == 0).await;
    setup.device("b").await;
}
