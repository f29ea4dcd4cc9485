//! The life of a device, with and without faults.

use super::*;
use crate::fleet::message::Digester;

const SIGN: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn command(version: &str) -> Command {
    Command {
        id: "77".to_owned(),
        version: version.to_owned(),
        sign: SIGN.to_owned(),
        sign_method: Digester::Sha256,
        file_url: "http://127.0.0.1:1/f".to_owned(),
        size: 4,
    }
}

fn good() -> Happening {
    Happening::Downloaded(Ok(Fetched { bytes: 4, digest: SIGN.to_owned() }))
}

fn receipt() -> Wish {
    Wish::Send(Message::upgrade_reply("77"))
}

fn informed(device: &mut Device, id: &str, version: &str) {
    assert_eq!(device.on(Happening::Connected), [Wish::Send(Message::inform(id, version))]);
    device.on(Happening::Answered { id: id.to_owned(), code: 200 });
}

/// A device that runs 1.0 and has just been told to take 2.0.
fn told(fault: Option<Fault>) -> Device {
    let mut device = Device::new("1.0".to_owned(), fault);
    informed(&mut device, "1", "1.0");
    let download = Wish::Download { command: command("2.0"), manner: manner(fault) };
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt(), download]);
    device
}

fn manner(fault: Option<Fault>) -> Manner {
    match fault {
        Some(Fault::BadDigest) => Manner::Corrupted,
        Some(Fault::Slow) => Manner::Slowly,
        Some(Fault::DownloadFail | Fault::Flap) => Manner::Half,
        _ => Manner::Whole,
    }
}

fn broke_off() -> Happening {
    Happening::Downloaded(Err(NoFirmware::BrokeOff(Kept::nothing(&command("2.0")))))
}

#[test]
fn a_sound_device_comes_back_on_the_new_version() {
    let mut device = told(None);
    let verified = Wish::Send(Message::progress("2", 50, "download verified"));
    assert_eq!(device.on(good()), [verified, Wish::Install]);
    let installed = Wish::Send(Message::progress("3", 80, "installed, restarting"));
    assert_eq!(device.on(Happening::Installed), [installed, Wish::Restart]);
    informed(&mut device, "4", "2.0");
}

#[test]
fn a_device_that_rolls_back_informs_the_version_it_had() {
    let mut device = told(Some(Fault::Rollback));
    device.on(good());
    device.on(Happening::Installed);
    informed(&mut device, "4", "1.0");
}

#[test]
fn a_device_that_falls_silent_says_nothing_after_its_download() {
    let mut device = told(Some(Fault::Brick));
    assert_eq!(device.on(good()), [Wish::Vanish]);
}

#[test]
fn a_wrong_digest_or_length_is_reported_as_step_minus_3() {
    for (bytes, digest) in [(4, "00"), (3, SIGN)] {
        let mut device = told(Some(Fault::BadDigest));
        let fetched = Fetched { bytes, digest: digest.to_owned() };
        let wishes = device.on(Happening::Downloaded(Ok(fetched)));
        assert!(matches!(&wishes[..], [Wish::Send(message)] if message.payload.contains("\"step\":\"-3\"")));
        informed(&mut device, "3", "1.0");
    }
}

#[test]
fn a_download_that_fails_is_step_minus_2_and_one_that_is_gone_is_nothing() {
    let mut device = told(None);
    let failed = Happening::Downloaded(Err(NoFirmware::Failed("connection reset".to_owned())));
    let wishes = device.on(failed);
    assert_eq!(wishes, [Wish::Send(Message::progress("2", -2, "connection reset"))]);
    let mut device = told(None);
    assert_eq!(device.on(Happening::Downloaded(Err(NoFirmware::Gone))), []);
}

#[test]
fn a_repeated_command_is_acknowledged_and_changes_nothing() {
    let mut device = told(None);
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt()]);
    device.on(good());
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt()]);
}

#[test]
fn a_command_for_the_version_it_runs_is_answered_with_that_version() {
    let mut device = Device::new("2.0".to_owned(), None);
    informed(&mut device, "1", "2.0");
    let inform = Wish::Send(Message::inform("2", "2.0"));
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt(), inform]);
}

#[test]
fn an_inform_is_repeated_until_it_is_answered_with_200() {
    let mut device = Device::new("1.0".to_owned(), None);
    device.on(Happening::Connected);
    device.on(Happening::Answered { id: "1".to_owned(), code: 402 });
    assert!(!device.has_informed());
    assert_eq!(device.on(Happening::Waited), [Wish::Send(Message::inform("2", "1.0"))]);
    device.on(Happening::Answered { id: "2".to_owned(), code: 200 });
    assert!(device.has_informed());
    assert_eq!(device.on(Happening::Waited), []);
}

#[test]
fn a_connection_lost_in_the_middle_of_an_upgrade_does_not_look_like_a_rollback() {
    let mut device = told(None);
    assert_eq!(device.on(Happening::Connected), []);
    device.on(good());
    assert_eq!(device.on(Happening::Connected), []);
}

#[test]
fn what_nobody_waits_for_is_ignored() {
    let mut device = Device::new("1.0".to_owned(), None);
    assert_eq!(device.on(good()), []);
    assert_eq!(device.on(Happening::Installed), []);
}

#[test]
fn a_device_that_gives_up_half_way_reports_step_minus_2_and_is_told_no_better() {
    let mut device = told(Some(Fault::DownloadFail));
    let wishes = device.on(broke_off());
    assert_eq!(wishes, [Wish::Send(Message::progress("2", -2, "broke off after 0 bytes"))]);
    informed(&mut device, "3", "1.0");
}

#[test]
fn a_device_that_flaps_comes_back_and_fetches_the_rest_once() {
    let mut device = told(Some(Fault::Flap));
    assert_eq!(device.on(broke_off()), [Wish::BreakOff]);
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt()]);
    let manner = Manner::Rest(Kept::nothing(&command("2.0")));
    assert_eq!(device.on(Happening::Connected), [Wish::Download { command: command("2.0"), manner }]);
    assert_eq!(device.on(Happening::Connected), []);
    device.on(good());
    device.on(Happening::Installed);
    informed(&mut device, "4", "2.0");
    let again = device.on(Happening::Told(command("3.0")));
    assert_eq!(again[1], Wish::Download { command: command("3.0"), manner: Manner::Whole });
}

#[test]
fn a_slow_device_comes_back_like_a_sound_one() {
    let mut device = told(Some(Fault::Slow));
    device.on(good());
    device.on(Happening::Installed);
    informed(&mut device, "4", "2.0");
}

#[test]
fn a_device_with_another_version_than_the_told_one_informs_it() {
    let mut device = told(Some(Fault::WrongVersion));
    device.on(good());
    device.on(Happening::Installed);
    informed(&mut device, "4", "2.0-other");
}

#[test]
fn a_device_that_ignores_its_command_says_nothing_however_often_it_is_told() {
    let mut device = Device::new("1.0".to_owned(), Some(Fault::Ignores));
    informed(&mut device, "1", "1.0");
    for _ in 0..3 {
        assert_eq!(device.on(Happening::Told(command("2.0"))), []);
    }
}

#[test]
fn a_device_that_refuses_says_step_minus_5_each_time_and_downloads_nothing() {
    let mut device = Device::new("1.0".to_owned(), Some(Fault::Refuses));
    informed(&mut device, "1", "1.0");
    for id in ["2", "3"] {
        let refused = Wish::Send(Message::progress(id, -5, "refused by its owner"));
        assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt(), refused]);
    }
}

#[test]
fn a_device_that_kept_the_bytes_reports_progress_without_a_download() {
    let mut device = Device::new("1.0".to_owned(), Some(Fault::Cached));
    informed(&mut device, "1", "1.0");
    let flashing = Wish::Send(Message::progress("2", 50, "flashing bytes that it kept"));
    assert_eq!(device.on(Happening::Told(command("2.0"))), [receipt(), flashing, Wish::Install]);
    device.on(Happening::Installed);
    informed(&mut device, "4", "2.0");
}
