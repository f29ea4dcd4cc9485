//! How long a device may be silent.

use std::time::Duration;

use tokio::time::Instant;

use crate::device::{Device, Login, Packet};
use crate::setup::{Setup, eventually};

async fn device(setup: &Setup, keep_alive: u16) -> Device {
    let mut device = Device::dial(setup.bridge.local_addr()).await;
    device.login(&Login { keep_alive, ..Login::default() }).await;
    device.next().await;
    device
}

#[tokio::test]
async fn a_device_silent_for_one_and_a_half_keep_alives_is_closed() {
    let setup = Setup::start().await;
    let mut device = device(&setup, 1).await;
    let since = Instant::now();
    device.expect_close().await;
    assert!(since.elapsed() >= Duration::from_millis(1400), "{:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    eventually("it is counted", || setup.bridge.metrics().keep_alive_lapses == 1).await;
}

#[tokio::test]
async fn pings_keep_a_device_connected() {
    let setup = Setup::start().await;
    let mut device = device(&setup, 1).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        device.send(&[0xC0, 0]).await;
        assert_eq!(device.next().await, Packet::Pingresp);
        device.expect_silence().await;
    }
}

#[tokio::test]
async fn half_a_packet_does_not_count_as_a_sign_of_life() {
    let setup = Setup::start().await;
    let mut device = device(&setup, 1).await;
    let since = Instant::now();
    device.send(&[0x30, 100]).await;
    device.expect_silence().await;
    device.send(&[0, 1]).await;
    device.expect_close().await;
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_device_without_keep_alive_may_be_silent_for_the_limit_only() {
    let setup = Setup::with(|settings| settings.silence_limit = Duration::from_millis(300)).await;
    let mut device = device(&setup, 0).await;
    device.expect_silence().await;
    device.expect_close().await;
}
