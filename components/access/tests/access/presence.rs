//! `POST /mqtt/presence`.

use http::StatusCode;
use ota_platform::Response;
use ota_testbed::{Testbed, json};
use serde_json::{Value, json};

use crate::IMAGE;

#[test]
fn a_device_is_connected_from_its_coming_to_its_going_in_each_brokers_words() {
    for (came, went) in [
        (
            json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b", "session": 1}),
            json!({"event": "disconnected", "product": "pk", "device": "d0", "bridge": "b", "session": 1}),
        ),
        (
            json!({"action": "client_connected", "username": "d0&pk", "clientid": "c"}),
            json!({"action": "client_disconnected", "username": "d0&pk", "reason": "x"}),
        ),
        (
            json!({"event": "client.connected", "username": "d0&pk", "connected_at": 1}),
            json!({"event": "client.disconnected", "username": "d0&pk"}),
        ),
        (
            json!({"action": "client_connack", "conn_ack": "success", "username": "d0&pk"}),
            json!({"action": "client_disconnected", "username": "d0&pk"}),
        ),
    ] {
        let bed = Testbed::with_fleet(1, IMAGE);
        assert_eq!(report(&bed, &came).status(), StatusCode::OK);
        assert!(is_connected(&bed), "{came}");
        assert_eq!(report(&bed, &json!([went])).status(), StatusCode::OK);
        assert!(!is_connected(&bed), "{went}");
    }
}

#[test]
fn what_is_no_coming_or_going_of_a_device_we_know_is_passed_over() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let before = bed.state();
    let events = json!([
        {},
        {"event": "message.publish", "username": "d0&pk"},
        {"action": "client_connack", "conn_ack": "not authorized", "username": "d0&pk"},
        {"event": "connected", "username": "someone"},
        {"event": "connected"},
        {"event": "connected", "product": "pk", "device": "stranger", "bridge": "b", "session": 1},
        {"event": "connected", "product": "other", "device": "d0", "bridge": "b", "session": 1},
        {"event": "connected", "product": "p/k", "device": "..", "bridge": "b", "session": 1},
        {"event": "connected", "product": "pk", "device": "d\u{0}", "bridge": "b", "session": 1},
    ]);
    assert_eq!(report(&bed, &events).status(), StatusCode::OK);
    assert_eq!(report(&bed, &json!([])).status(), StatusCode::OK);
    assert_eq!(bed.state(), before);
}

#[test]
fn the_end_of_an_older_session_says_nothing_of_the_new_one() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let event = |event: &str, bridge: &str, session: i64| json!({"event": event, "product": "pk", "device": "d0", "bridge": bridge, "session": session});
    report(
        &bed,
        &json!([event("connected", "a", 7), event("connected", "a", 8), event("disconnected", "a", 7)]),
    );
    assert!(is_connected(&bed), "taken over on the same bridge");
    report(&bed, &json!([event("connected", "b", 1), event("disconnected", "a", 8)]));
    assert!(is_connected(&bed), "moved to another bridge");
    report(&bed, &event("disconnected", "b", 1));
    assert!(!is_connected(&bed));
}

#[test]
fn events_count_in_their_order() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let event = |event: &str, session: i64| json!({"event": event, "product": "pk", "device": "d0", "bridge": "b", "session": session});
    report(&bed, &json!([event("connected", 1), event("disconnected", 1)]));
    assert!(!is_connected(&bed));
    report(&bed, &json!([event("disconnected", 1), event("connected", 2)]));
    assert!(is_connected(&bed));
    report(&bed, &json!([event("disconnected", 3), event("connected", 3)]));
    assert!(!is_connected(&bed), "a begin behind its end is no news");
}

#[test]
fn a_device_that_connects_is_granted_at_once_and_its_bridge_told_until_it_is_acknowledged() {
    let bed = Testbed::with_fleet(1, IMAGE);
    bed.pass(3_600_000);
    bed.add_job("push", json!({}));
    assert_eq!(bed.sweep("b", &[])["granted"], 0, "it was not heard for an hour");
    let came = json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b", "session": 1});
    let told = json(&report(&bed, &came));
    assert_eq!(told["commands"].as_array().map(Vec::len), Some(1), "{told}");
    let swept = bed.sweep("b", &[]);
    assert_eq!((&swept["granted"], &swept["commands"]), (&json!(0), &json!([])), "it was told just now");
    bed.pass(2_000);
    let again = json(&report(&bed, &json!([came])));
    assert_eq!(again["commands"], told["commands"], "it comes until it is acknowledged");
}

#[test]
fn a_body_that_is_no_presence_is_400_and_changes_nothing() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let before = bed.state();
    let came = json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b", "session": 1});
    for body in [
        String::new(),
        "{".to_owned(),
        "7".to_owned(),
        "[7]".to_owned(),
        json!([came, "x"]).to_string(),
        json!([came, {"event": 1}]).to_string(),
        json!([came, {"event": "connected", "session": "x"}]).to_string(),
        json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b\0"}).to_string(),
        json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b".repeat(129)}).to_string(),
        json!(vec![json!({}); 10_001]).to_string(),
        "[".repeat(10_000),
    ] {
        let response = bed.send(&bed.by_bridge("/mqtt/presence", body.clone()));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body:.80}");
    }
    let large = bed.send(&bed.by_bridge("/mqtt/presence", vec![b' '; 4 * 1024 * 1024 + 1]));
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(bed.state(), before);
}

fn report(bed: &Testbed, events: &Value) -> Response {
    bed.send(&bed.by_bridge("/mqtt/presence", events.to_string()))
}

fn is_connected(bed: &Testbed) -> bool {
    bed.show("/api/v1/products/pk/devices/d0")["connected"].as_bool().unwrap()
}
