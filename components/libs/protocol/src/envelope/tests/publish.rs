//! Messages in RMQTT's, NanoMQ's, EMQX's and Event Grid's clothes.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use base64::Engine as _;

use crate::envelope::*;
use crate::key::DeviceId;

const INFORM: &str = "/sys/pk/dk/ota/device/inform";

fn incoming(dialect: Dialect, body: &str) -> Incoming {
    match decode(dialect, body.as_bytes()) {
        Ok(Envelope::Incoming(incoming)) => incoming,
        other => panic!("{body}: {other:?}"),
    }
}

fn ignored(dialect: Dialect, body: &str) -> Ignored {
    match decode(dialect, body.as_bytes()) {
        Ok(Envelope::Ignored(reason)) => reason,
        other => panic!("{body}: {other:?}"),
    }
}

fn hook(fields: &str) -> String {
    format!(r#"{{"action":"message_publish",{fields}}}"#)
}

#[test]
fn rmqtt_publishes_in_base64() {
    let body = r#"{"action":"inform","dup":false,"from_clientid":"p564934","from_ipaddress":"127.0.0.1:37395","from_node":1,"from_type":"custom","from_username":"u1","packet_id":1,"payload":"eyJpZCI6MX0=","qos":1,"retain":false,"time":"2026-11-23 17:54:53.161","topic":"/sys/pk56493/dk1/ota/device/inform","ts":1795456493161}"#;
    let expected = Incoming {
        topic: "/sys/pk56493/dk1/ota/device/inform".to_owned(),
        payload: br#"{"id":1}"#.to_vec(),
        client_id: Some("p564934".to_owned()),
        username: Some("u1".to_owned()),
        timestamp_ms: Some(1_795_456_493_161),
    };
    assert_eq!(incoming(Dialect::Rmqtt, body), expected);
}

#[test]
fn nanomq_publishes_in_plain_text() {
    let body = r#"{"ts":1795456493161, "topic":"/sys/pk/dk/ota/device/inform","retain":false,"qos":1,"action":"message_publish","from_username":"undefined","from_client_id":"c","payload":"{\"id\": \"1\"}"}"#;
    let expected = Incoming {
        topic: INFORM.to_owned(),
        payload: br#"{"id": "1"}"#.to_vec(),
        client_id: Some("c".to_owned()),
        username: None,
        timestamp_ms: Some(1_795_456_493_161),
    };
    assert_eq!(incoming(Dialect::Nanomq, body), expected);
}

#[test]
fn emqx_posts_its_rule_output_when_no_body_is_set() {
    let body = r#"{"id":"0006","clientid":"c","username":"u","payload":"{\"id\":\"1\"}","peerhost":"127.0.0.1","peername":"127.0.0.1:40000","topic":"/sys/pk/dk/ota/device/inform","qos":1,"flags":{"dup":false,"retain":false},"pub_props":{"User-Property":{}},"publish_received_at":1795456493161,"client_attrs":{},"event":"message.publish","timestamp":1795456493161,"node":"emqx@127.0.0.1"}"#;
    let message = incoming(Dialect::Rmqtt, body);
    assert_eq!(message.payload, br#"{"id":"1"}"#);
    assert_eq!((message.client_id.as_deref(), message.username.as_deref()), (Some("c"), Some("u")));
    assert_eq!(message.timestamp_ms, Some(1_795_456_493_161));
    let retained = body.replace(r#""retain":false"#, r#""retain":true"#);
    assert_eq!(ignored(Dialect::Rmqtt, &retained), Ignored::Retained);
}

#[test]
fn event_grid_posts_cloudevents_whose_subject_is_the_topic() {
    let event = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"9aeb","time":"2026-11-23T17:54:53Z","type":"MQTT.EventPublished","source":"ns","subject":"{INFORM}"{data}}}"#
        )
    };
    let table = [
        (r#","data_base64":"eyJpZCI6MX0=""#, r#"{"id":1}"#),
        (r#","data":{"id": 1}"#, r#"{"id": 1}"#),
        (r#","data":"{\"id\":1}""#, r#"{"id":1}"#),
        (r#","data":null"#, ""),
        ("", ""),
    ];
    for (data, payload) in table {
        let message = incoming(Dialect::Cloudevents, &event(data));
        assert_eq!((message.topic.as_str(), message.payload.as_slice()), (INFORM, payload.as_bytes()));
    }
    let connected =
        event("").replace("MQTT.EventPublished", "Microsoft.EventGrid.MQTTClientSessionConnected");
    assert_eq!(ignored(Dialect::Cloudevents, &connected), Ignored::OtherEvent);
    let reply = event("").replace("device/inform", "device/inform_reply");
    assert_eq!(ignored(Dialect::Cloudevents, &reply), Ignored::Downlink);
}

#[test]
fn a_payload_is_plain_from_its_first_brace_and_base64_otherwise() {
    let table = [
        (r#""{\"a\":1}""#, &br#"{"a":1}"#[..]),
        (r#"" \n{\"a\":1}""#, b" \n{\"a\":1}"),
        (r#""eyJhIjoxfQ==""#, br#"{"a":1}"#),
        (r#""eyJhIjoxfQ""#, br#"{"a":1}"#),
        (r#""/w==""#, b"\xff"),
        (r#""""#, b""),
        (r#"{"a": 1}"#, br#"{"a": 1}"#),
        (r#""not base64!""#, b"not base64!"),
        (r#""[1]""#, b"[1]"),
    ];
    for (payload, bytes) in table {
        let message = incoming(Dialect::Nanomq, &hook(&format!(r#""topic":"{INFORM}","payload":{payload}"#)));
        assert_eq!(message.payload, bytes, "{payload}");
    }
}

#[test]
fn our_own_publishes_are_ignored() {
    let admin = r#""topic":"/sys/pk/dk/ota/device/inform","payload":"e30=","from_type":"admin","from_username":"admin","packet_id":null"#;
    assert_eq!(ignored(Dialect::Rmqtt, &hook(admin)), Ignored::Admin);
    for verb in ["upgrade", "inform_reply", "progress_reply", "getversion_reply"] {
        let fields = format!(r#""topic":"/sys/pk/dk/ota/device/{verb}","payload":"e30=""#);
        assert_eq!(ignored(Dialect::Rmqtt, &hook(&fields)), Ignored::Downlink, "{verb}");
        assert_eq!(ignored(Dialect::Nanomq, &hook(&fields)), Ignored::Downlink, "{verb}");
    }
    let own = r#""topic":"/sys/pk/dk/ota/device/upgrade_reply","payload":"e30=""#;
    assert_eq!(incoming(Dialect::Rmqtt, &hook(own)).payload, b"{}");
}

#[test]
fn retained_messages_are_ignored() {
    let fields = format!(r#""topic":"{INFORM}","payload":"e30=","retain":true"#);
    assert_eq!(ignored(Dialect::Rmqtt, &hook(&fields)), Ignored::Retained);
}

#[test]
fn a_will_is_a_message_like_any_other() {
    let fields = format!(r#""topic":"{INFORM}","payload":"e30=","from_type":"lastwill""#);
    assert_eq!(incoming(Dialect::Rmqtt, &hook(&fields)).payload, b"{}");
}

#[test]
fn other_events_are_ignored_even_with_topic_and_payload() {
    for body in [
        r#"{"action":"client_connected","clean_session":true,"clientid":"s564934","connected_at":1795456493067,"ipaddress":"127.0.0.1:57411","keepalive":30,"node":1,"proto_ver":4,"session_present":false,"time":"…","username":"u1"}"#,
        r#"{"action":"session_subscribed","clientid":"s564934","ipaddress":"127.0.0.1:57411","node":1,"opts":{"qos":1},"time":"…","topic":"/sys/+/+/ota/device/inform","username":"u1"}"#,
        r#"{"action":"message_acked","clientid":"dev564934","from_clientid":"op564934","packet_id":1,"payload":"dXA=","pts":1795456538827,"qos":1,"topic":"/sys/pk/dk/ota/device/upgrade","ts":1795456539176,"username":"u1"}"#,
        r#"{"action":"offline_message","clientid":"na564934","packet_id":null,"payload":"MQ==","topic":"/na/x"}"#,
        r#"{"action":"message_dropped","clientid":"xa564934","reason":"RemoteClose","topic":"/sn/x"}"#,
        r#"{"proto_ver":4,"keepalive":60,"conn_ack":"success","username":"u","clientid":"c","action":"client_connack"}"#,
        r#"{"event":"client.connected","clientid":"c"}"#,
    ] {
        assert_eq!(ignored(Dialect::Rmqtt, body), Ignored::OtherEvent, "{body}");
    }
}

#[test]
fn undefined_is_absent() {
    let fields = format!(r#""topic":"{INFORM}","payload":"e30=","clientid":"undefined","username":"""#);
    let message = incoming(Dialect::Rmqtt, &hook(&fields));
    assert_eq!((message.client_id, message.username), (None, None));
    let topic = decode(Dialect::Rmqtt, hook(r#""topic":"undefined","payload":"e30=""#).as_bytes());
    assert_eq!(topic, Err(EnvelopeError::Missing("topic")));
}

#[test]
fn a_foreign_topic_is_still_told_so_that_the_caller_can_refuse_it() {
    let fields = r#""topic":"/sys/pk/dk/thing/event","payload":"e30=""#;
    assert_eq!(incoming(Dialect::Rmqtt, &hook(fields)).topic, "/sys/pk/dk/thing/event");
}

#[test]
fn a_username_of_another_device_contradicts_the_topic() {
    let device = DeviceId::parse("pk", "dk").unwrap();
    for (username, contradicts) in
        [("dk&pk", false), ("other&pk", true), ("dk&other", true), ("u1", false), ("undefined", false)]
    {
        let fields = format!(r#""topic":"{INFORM}","payload":"e30=","from_username":"{username}""#);
        assert_eq!(incoming(Dialect::Rmqtt, &hook(&fields)).contradicts(&device), contradicts, "{username}");
    }
}

#[test]
fn what_is_no_envelope_is_an_error() {
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "[]",
        "null",
        "{",
        "{\"topic\":1,\"payload\":\"\"}",
        "{\"topic\":\"a\",\"topic\":\"b\",\"payload\":\"\"}",
        deep.as_str(),
        "{\"topic\":\"\\ud800\",\"payload\":\"\"}",
    ] {
        assert!(
            matches!(decode(Dialect::Rmqtt, body.as_bytes()), Err(EnvelopeError::Json { .. })),
            "{body:.40}"
        );
    }
    for (dialect, body, missing) in [
        (Dialect::Rmqtt, "{}", "topic"),
        (Dialect::Nanomq, r#"{"payload":"e30="}"#, "topic"),
        (Dialect::Rmqtt, r#"{"topic":"/t"}"#, "payload"),
        (Dialect::Rmqtt, r#"{"topic":"/t","payload":null}"#, "payload"),
        (Dialect::Cloudevents, r#"{"data":{}}"#, "subject"),
    ] {
        assert_eq!(decode(dialect, body.as_bytes()), Err(EnvelopeError::Missing(missing)));
    }
    assert!(decode(Dialect::Nanomq, b"{\"topic\":\"\xff\"}").is_err());
}

#[test]
fn dialects_have_their_names_in_paths() {
    let names = ["rmqtt", "nanomq", "cloudevents"];
    assert_eq!(
        names.map(Dialect::parse),
        [Some(Dialect::Rmqtt), Some(Dialect::Nanomq), Some(Dialect::Cloudevents)]
    );
    assert_eq!(Dialect::parse("emqx"), None);
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        for dialect in [Dialect::Rmqtt, Dialect::Nanomq, Dialect::Cloudevents] {
            let _refused_or_not = decode(dialect, &body);
        }
    }

    #[test]
    fn every_payload_in_base64_comes_out_byte_for_byte(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let fields = format!(r#""topic":"{INFORM}","payload":"{}""#, STANDARD.encode(&payload));
        prop_assert_eq!(incoming(Dialect::Rmqtt, &hook(&fields)).payload, payload);
    }

    #[test]
    fn every_object_in_plain_text_comes_out_byte_for_byte(text in ".{0,200}") {
        let payload = format!("{{{text}");
        let spelled = serde_json::to_string(&payload).unwrap();
        let fields = format!(r#""topic":"{INFORM}","payload":{spelled}"#);
        prop_assert_eq!(incoming(Dialect::Nanomq, &hook(&fields)).payload, payload.into_bytes());
    }
}
