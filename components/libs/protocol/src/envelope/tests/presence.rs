//! Comings and goings, as four senders tell them.

use proptest::prelude::*;

use crate::envelope::*;
use crate::key::DeviceId;

fn event(event: PresenceEvent) -> Presence {
    let device = DeviceId::parse("pk", "dk").unwrap();
    Presence { device, event, bridge: None, session: None }
}

#[test]
fn our_bridge_sends_arrays_in_order() {
    let body = br#"[
        {"event":"connected","product":"pk","device":"dk","bridge":"b1","session":7},
        {"event":"disconnected","product":"pk","device":"dk","bridge":"b1","session":7}
    ]"#;
    let from_bridge = |what| Presence { bridge: Some("b1".into()), session: Some(7), ..event(what) };
    let expected = [from_bridge(PresenceEvent::Connected), from_bridge(PresenceEvent::Disconnected)];
    assert_eq!(presence(body).unwrap(), expected);
    assert_eq!(presence(b"[]").unwrap(), []);
}

#[test]
fn brokers_name_the_device_by_its_username() {
    let table = [
        (
            r#"{"action":"client_connected","clean_session":true,"clientid":"s564934","connected_at":1795456493067,"ipaddress":"127.0.0.1:57411","keepalive":30,"node":1,"proto_ver":4,"session_present":false,"time":"…","username":"dk&pk"}"#,
            PresenceEvent::Connected,
        ),
        (
            r#"{"action":"client_disconnected","clientid":"n564934","disconnected_at":1795456493841,"ipaddress":"127.0.0.1:56851","node":1,"reason":"Disconnect(V3),RemoteClose","time":"…","username":"dk&pk"}"#,
            PresenceEvent::Disconnected,
        ),
        (
            r#"{"clientid":"c","username":"dk&pk","proto_name":"MQTT","proto_ver":4,"keepalive":60,"clean_start":true,"conn_props":{},"connected_at":1795456493067,"client_attrs":{},"event":"client.connected","timestamp":1795456493067,"node":"emqx@127.0.0.1"}"#,
            PresenceEvent::Connected,
        ),
        (
            r#"{"reason":"normal","clientid":"c","username":"dk&pk","event":"client.disconnected"}"#,
            PresenceEvent::Disconnected,
        ),
        (
            r#"{"proto_ver":4,"keepalive":60,"conn_ack":"success","username":"dk&pk","clientid":"c","action":"client_connack"}"#,
            PresenceEvent::Connected,
        ),
        (
            r#"{"reason":"abnormal","username":"dk&pk","clientid":"c","action":"client_disconnected"}"#,
            PresenceEvent::Disconnected,
        ),
    ];
    for (body, what) in table {
        assert_eq!(presence(body.as_bytes()).unwrap(), [event(what)], "{body}");
        assert_eq!(presence(format!(" [{body},{body}]").as_bytes()).unwrap(), [event(what), event(what)]);
    }
}

#[test]
fn what_is_no_coming_or_going_of_a_device_is_left_out() {
    for body in [
        r#"{"action":"client_connected","clientid":"s564934","username":"u1"}"#,
        r#"{"action":"client_connected","clientid":"s564934","username":"undefined"}"#,
        r#"{"action":"client_connected","clientid":"s564934"}"#,
        r#"{"action":"session_subscribed","topic":"/sys/+/+/ota/device/inform","username":"dk&pk"}"#,
        r#"{"event":"session.subscribed","username":"dk&pk"}"#,
        r#"{"action":"client_connack","conn_ack":"fail","username":"dk&pk"}"#,
        r#"{"action":"client_connack","username":"dk&pk"}"#,
        r#"{"event":"connected","product":"p/k","device":"dk"}"#,
        "{}",
    ] {
        assert_eq!(presence(body.as_bytes()).unwrap(), [], "{body}");
    }
}

#[test]
fn ten_thousand_events_are_taken_and_one_more_is_not() {
    let many = |count: usize| {
        let one = r#"{"event":"connected","product":"pk","device":"dk","bridge":"b","session":1}"#;
        format!("[{}]", vec![one; count].join(","))
    };
    assert_eq!(presence(many(10_000).as_bytes()).unwrap().len(), 10_000);
    assert_eq!(presence(many(10_001).as_bytes()), Err(EnvelopeError::TooMany(10_001)));
}

#[test]
fn what_is_no_event_is_an_error() {
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "null",
        "7",
        "[1]",
        "[null]",
        "{",
        r#"{"event":7}"#,
        r#"{"session":1.5}"#,
        r#"{"session":99999999999999999999}"#,
        deep.as_str(),
    ] {
        assert!(matches!(presence(body.as_bytes()), Err(EnvelopeError::Json { .. })), "{body:.40}");
    }
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _refused_or_not = presence(&body);
    }
}
