//! The bridge's own end.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::device::{Packet, publish};
use crate::gateway::Answer;
use crate::setup::{Setup, topic};

const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn sessions_are_closed_and_the_gateway_is_told() {
    let Setup { bridge, gateway } = Setup::start().await;
    let address = bridge.local_addr();
    let mut device = crate::device::Device::connect(address, "dk").await;
    gateway.until_called("presence", 1).await;
    let since = Instant::now();
    bridge.stop().await;
    assert!(since.elapsed() < LIMIT, "{:?}", since.elapsed());
    assert_eq!(gateway.presence().last().unwrap(), "disconnected pk/dk 1");
    device.expect_close_within(LIMIT).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_message_under_way_is_finished() {
    let Setup { bridge, gateway } = Setup::start().await;
    gateway.answer("inform", [Answer::body("done").held()]);
    let mut device = crate::device::Device::connect(bridge.local_addr(), "dk").await;
    device.publish(&topic("dk", "inform"), "x", 1, 1).await;
    gateway.until_called("inform", 1).await;
    let stop = tokio::spawn(bridge.stop());
    tokio::task::yield_now().await;
    gateway.release();
    assert_eq!(device.message().await.1, "done");
    assert_eq!(device.next().await, Packet::Puback(1));
    stop.await.unwrap();
}

#[tokio::test]
async fn nothing_holds_up_the_stop() {
    let Setup { bridge, gateway } = Setup::start().await;
    for end in ["inform", "sweep", "presence"] {
        gateway.answer(end, [Answer::Status(503).held()]);
    }
    let address = bridge.local_addr();
    let mut waiting = crate::device::Device::connect(address, "waiting").await;
    waiting.publish(&topic("waiting", "inform"), "x", 1, 1).await;
    gateway.until_called("inform", 1).await;
    let _mute = TcpStream::connect(address).await.unwrap();
    let mut deaf = crate::device::Device::connect(address, "deaf").await;
    deaf.send(&[0xC0, 0].repeat(1000)).await;
    let mut flooding = crate::device::Device::connect(address, "flooding").await;
    flooding.send(&publish(&topic("flooding", "inform"), &[b'x'; 1000], 1, 1).repeat(50)).await;
    let since = Instant::now();
    bridge.stop().await;
    assert!(since.elapsed() < LIMIT, "{:?}", since.elapsed());
    waiting.expect_close_within(LIMIT).await;
}

#[tokio::test]
async fn dropping_the_bridge_ends_it_too() {
    let setup = Setup::start().await;
    let mut device = setup.device("dk").await;
    drop(setup.bridge);
    device.expect_close().await;
}
