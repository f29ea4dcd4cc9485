//! How a command reaches its device: through the bridge that holds its session, or through the broker's API.

use http::StatusCode;
use ota_testbed::Testbed;
use serde_json::{Value, json};

use crate::{IMAGE, connected};

#[test]
fn a_command_is_for_the_bridge_that_holds_the_session() {
    let bed = Testbed::new();
    connected(&bed, 1, json!({}));
    assert_eq!(bed.sweep("other", &[])["commands"], json!([]));
    let commands = bed.sweep("b", &[])["commands"].clone();
    let command = &commands[0];
    assert_eq!((&command["product"], &command["device"]), (&json!("pk"), &json!("d0")));
    assert_eq!(command["topic"], "/sys/pk/d0/ota/device/upgrade");
    let payload: Value = serde_json::from_str(command["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["method"], "ota.device.upgrade");
    assert_eq!(payload, bed.device("d0").inform("1").command.unwrap(), "one command, whoever brings it");
}

#[test]
fn a_command_comes_again_ever_later_until_it_is_acknowledged() {
    let bed = Testbed::new();
    connected(&bed, 1, json!({}));
    let first = due(&bed).unwrap();
    for wait in [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000] {
        bed.pass(wait - 1);
        assert_eq!(due(&bed), None, "after {wait} ms");
        bed.pass(1);
        assert_eq!(due(&bed).as_ref(), Some(&first), "after {wait} ms");
    }
    bed.sweep("b", &[&first]);
    bed.pass(64_000);
    assert_eq!(due(&bed), None);
}

#[test]
fn a_device_that_left_is_not_sent_its_command() {
    let bed = Testbed::new();
    connected(&bed, 1, json!({}));
    due(&bed).unwrap();
    let gone = json!({"event": "disconnected", "product": "pk", "device": "d0", "bridge": "b", "session": 0});
    bed.send(&bed.by_bridge("/mqtt/presence", gone.to_string()));
    bed.pass(10_000);
    assert_eq!(due(&bed), None);
}

#[test]
fn acknowledgements_that_mean_nothing_do_nothing() {
    let bed = Testbed::new();
    let job = connected(&bed, 1, json!({}));
    let id = due(&bed).unwrap();
    let long = "9".repeat(10_000);
    bed.sweep("b", &["", "1", "'; DROP TABLE task; --", &long, &id[1..], "\u{202e}", &format!("{id}\0")]);
    bed.pass(2_000);
    assert_eq!(due(&bed).as_ref(), Some(&id));
    bed.sweep("b", &[&id, &id]);
    bed.sweep("b", &[&id]);
    assert_eq!(bed.events().iter().filter(|kind| *kind == "acknowledged").count(), 1);
    assert_eq!(bed.task(&job, "d0")["state"], "granted");
}

#[test]
fn a_cron_publishes_through_the_brokers_api_what_no_bridge_holds() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    let response = bed.send(&bed.by_bridge("/internal/sweep", ""));
    assert_eq!(response.status(), StatusCode::OK);
    let sent = bed.outbound.requests.take();
    assert_eq!(sent.len(), 1);
    let message: Value = serde_json::from_slice(sent[0].body()).unwrap();
    assert_eq!(message["topic"], "/sys/pk/d0/ota/device/upgrade");
    assert_eq!((&message["qos"], &message["retain"]), (&json!(1), &json!(false)));
    assert_eq!(sent[0].headers()["authorization"], "Bearer the-publish-token");
}

#[test]
fn a_cron_whose_broker_is_down_is_503_and_the_command_comes_again() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let job = bed.add_job("push", json!({}));
    bed.outbound.status.set(None);
    let tick = || bed.send(&bed.by_bridge("/internal/sweep", "")).status();
    assert_eq!(tick(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bed.job(&job)["exposed"], 1);
    bed.outbound.requests.take();
    bed.outbound.status.set(Some(StatusCode::OK));
    bed.pass(2_000);
    assert_eq!(tick(), StatusCode::OK);
    assert_eq!(bed.outbound.requests.take().len(), 1);
    assert_eq!(bed.job(&job)["exposed"], 1);
}

#[test]
fn without_a_broker_a_cron_grants_and_devices_are_told_when_they_inform() {
    let mut bed = Testbed::with_fleet(1, IMAGE);
    bed.add_job("push", json!({}));
    bed.variables.remove("publish_token");
    assert_eq!(bed.send(&bed.by_bridge("/internal/sweep", "")).status(), StatusCode::OK);
    assert!(bed.outbound.requests.take().is_empty());
    assert!(bed.device("d0").inform("1").command.is_some());
}

/// The id of the command that is due for bridge `b`.
fn due(bed: &Testbed) -> Option<String> {
    let swept = bed.sweep("b", &[]);
    let payload = swept["commands"].as_array().unwrap().first()?["payload"].as_str().unwrap().to_owned();
    let payload: Value = serde_json::from_str(&payload).unwrap();
    Some(payload["id"].as_str().unwrap().to_owned())
}
