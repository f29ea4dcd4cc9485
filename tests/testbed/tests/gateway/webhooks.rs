//! Brokers that post their own envelope: the reply goes back through their publish API, and nothing that the gateway
//! published itself comes in as a device's word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use ota_platform::Response;
use ota_testbed::Testbed;
use serde_json::{Value, json};

use crate::{IMAGE, UPLINKS, message};

const DIALECTS: [&str; 3] = ["rmqtt", "nanomq", "cloudevents"];

#[test]
fn each_brokers_envelope_is_answered_through_its_publish_api() {
    for dialect in DIALECTS {
        for verb in UPLINKS {
            let bed = Testbed::with_fleet(1, IMAGE);
            let response = post(&bed, dialect, verb, &envelope(dialect, verb, &message(verb).to_string()));
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{dialect} {verb}");
            assert!(response.body().is_empty());
            let sent = published(&bed);
            if verb == "upgrade_reply" {
                assert_eq!(sent, [Value::Null; 0], "{dialect}");
                continue;
            }
            assert_eq!(sent.len(), 1, "{dialect} {verb}");
            assert_eq!(sent[0]["topic"], format!("/sys/pk/d0/ota/device/{verb}_reply"));
            assert_eq!((&sent[0]["qos"], &sent[0]["retain"]), (&json!(1), &json!(false)));
            let reply: Value = serde_json::from_str(sent[0]["payload"].as_str().unwrap()).unwrap();
            assert_eq!(reply["id"], "7", "{dialect} {verb}");
        }
    }
}

#[test]
fn a_command_is_published_after_its_reply() {
    for dialect in DIALECTS {
        let bed = Testbed::with_fleet(1, IMAGE);
        bed.add_job("push", json!({}));
        let response =
            post(&bed, dialect, "inform", &envelope(dialect, "inform", &message("inform").to_string()));
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(!response.headers().contains_key("command-payload"));
        let topics: Vec<Value> = published(&bed).iter().map(|sent| sent["topic"].clone()).collect();
        assert_eq!(
            topics,
            [json!("/sys/pk/d0/ota/device/inform_reply"), json!("/sys/pk/d0/ota/device/upgrade")]
        );
    }
}

#[test]
fn a_bad_message_in_a_good_envelope_gets_its_code_published() {
    let large = format!("{{\"id\":\"7\"}}{}", " ".repeat(512 * 1024));
    for dialect in DIALECTS {
        for (payload, code) in [("{", 1220), ("{\"id\":\"7\"}", 1220), (large.as_str(), 1008), ("", 1251)] {
            let bed = Testbed::with_fleet(1, IMAGE);
            let before = bed.state();
            let response = post(&bed, dialect, "inform", &envelope(dialect, "inform", payload));
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{dialect} {code}");
            let reply: Value = serde_json::from_str(published(&bed)[0]["payload"].as_str().unwrap()).unwrap();
            assert_eq!(reply["code"], code, "{dialect}");
            assert_eq!(bed.state(), before);
        }
    }
}

#[test]
fn what_no_device_said_is_ignored_and_nothing_is_published() {
    let bed = Testbed::with_fleet(2, IMAGE);
    bed.add_job("push", json!({}));
    let before = bed.state();
    let text = message("inform").to_string();
    let with = |field: &str, value: Value| {
        let mut envelope = envelope("rmqtt", "inform", &text);
        envelope[field] = value;
        envelope
    };
    let topic = |verb: &str| json!(format!("/sys/pk/d0/ota/device/{verb}"));
    let mut ignored = vec![
        with("from_type", json!("admin")),
        with("retain", json!(true)),
        with("flags", json!({"retain": true})),
        with("from_username", json!("d1&pk")),
        with("from_username", json!("d0&other")),
        with("action", json!("client_connected")),
        with("action", json!("message_dropped")),
        with("action", json!("message.delivered")),
    ];
    ignored.extend(
        ["upgrade", "inform_reply", "progress_reply", "getversion_reply"]
            .map(|verb| with("topic", topic(verb))),
    );
    for envelope in ignored {
        for dialect in ["rmqtt", "nanomq"] {
            let response = post(&bed, dialect, "inform", &envelope);
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{envelope}");
        }
    }
    for verb in ["upgrade", "inform_reply"] {
        let mut event = envelope("cloudevents", "inform", &text);
        event["subject"] = topic(verb);
        assert_eq!(post(&bed, "cloudevents", "inform", &event).status(), StatusCode::NO_CONTENT);
    }
    assert!(published(&bed).is_empty());
    assert_eq!(bed.state(), before);
}

#[test]
fn a_topic_that_is_none_of_the_protocols_is_ignored_since_brokers_repeat_what_is_refused() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let before = bed.state();
    for topic in [
        "/sys/pk/d0/thing/event",
        "/sys/pk/d0/ota/device/process",
        "/sys/pk/d0/ota/device/inform/",
        "/sys/p&k/d0/ota/device/inform",
        "/sys/../d0/ota/device/inform",
        "/sys/pk/d0\u{0}/ota/device/inform",
        "#",
    ] {
        for dialect in DIALECTS {
            let mut envelope = envelope(dialect, "inform", &message("inform").to_string());
            envelope[if dialect == "cloudevents" { "subject" } else { "topic" }] = json!(topic);
            assert_eq!(
                post(&bed, dialect, "inform", &envelope).status(),
                StatusCode::NO_CONTENT,
                "{topic:?}"
            );
        }
    }
    assert!(published(&bed).is_empty());
    assert_eq!(bed.state(), before);
}

#[test]
fn the_devices_own_username_and_a_will_and_an_unknown_username_are_no_contradiction() {
    let bed = Testbed::with_fleet(1, IMAGE);
    for (field, value) in [
        ("from_username", json!("d0&pk")),
        ("from_username", json!("undefined")),
        ("from_username", json!("u1")),
        ("from_type", json!("lastwill")),
    ] {
        let mut envelope = envelope("rmqtt", "inform", &message("inform").to_string());
        envelope[field] = value;
        post(&bed, "rmqtt", "inform", &envelope);
        assert_eq!(published(&bed).len(), 1, "{envelope}");
    }
}

#[test]
fn an_envelope_that_cannot_be_read_or_came_to_another_webhook_is_400() {
    let bed = Testbed::with_fleet(1, IMAGE);
    let before = bed.state();
    for dialect in DIALECTS {
        for verb in UPLINKS {
            let path = format!("/webhook/{dialect}/{verb}");
            for body in ["", "{", "[]", "null", "{\"payload\":\"e30=\"}", "{\"topic\":7}", "\u{0}"] {
                let response = bed.send(&bed.by_bridge(&path, body));
                assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path} {body:?}");
            }
            let other = if verb == "inform" { "progress" } else { "inform" };
            let response = post(&bed, dialect, verb, &envelope(dialect, other, &message(other).to_string()));
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
            let large = bed.send(&bed.by_bridge(&path, vec![b' '; 800_000]));
            assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        }
    }
    for path in
        ["/webhook/rmqtt", "/webhook/mosquitto/inform", "/webhook/rmqtt/upgrade", "/webhook/rmqtt/inform/x"]
    {
        assert_eq!(bed.send(&bed.by_bridge(path, "{}")).status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(published(&bed).is_empty());
    assert_eq!(bed.state(), before);
}

#[test]
fn while_the_publish_api_is_down_the_broker_is_told_to_come_again_and_nothing_is_lost() {
    for (status, dialect) in [
        (None, "rmqtt"),
        (Some(StatusCode::UNAUTHORIZED), "nanomq"),
        (Some(StatusCode::BAD_GATEWAY), "cloudevents"),
    ] {
        let bed = Testbed::with_fleet(1, IMAGE);
        let job = bed.add_job("push", json!({}));
        bed.outbound.status.set(status);
        let envelope = envelope(dialect, "inform", &message("inform").to_string());
        for _ in 0..3 {
            let response = post(&bed, dialect, "inform", &envelope);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{status:?}");
        }
        published(&bed);
        bed.outbound.status.set(Some(StatusCode::OK));
        assert_eq!(post(&bed, dialect, "inform", &envelope).status(), StatusCode::NO_CONTENT);
        assert_eq!(published(&bed).len(), 2, "the reply and the command");
        assert_eq!((&bed.job(&job)["exposed"], &bed.task(&job, "d0")["attempt"]), (&json!(1), &json!(1)));
    }
}

/// `payload` as `dialect` wraps it on the topic that ends in `verb`.
fn envelope(dialect: &str, verb: &str, payload: &str) -> Value {
    let topic = format!("/sys/pk/d0/ota/device/{verb}");
    match dialect {
        "cloudevents" => json!({
            "specversion": "1.0", "type": "MQTT.EventPublished", "source": "x", "id": "1", "subject": topic,
            "data_base64": STANDARD.encode(payload),
        }),
        "nanomq" => json!({
            "action": "message_publish", "from_client_id": "c", "from_username": "d0&pk", "topic": topic,
            "payload": payload, "qos": 1, "retain": false, "ts": 1,
        }),
        _ => json!({
            "action": "ota", "dup": false, "from_clientid": "c", "from_type": "custom", "from_username": "d0&pk",
            "packet_id": 1, "payload": STANDARD.encode(payload), "qos": 1, "retain": false, "topic": topic, "ts": 1,
        }),
    }
}

fn post(bed: &Testbed, dialect: &str, verb: &str, envelope: &Value) -> Response {
    bed.send(&bed.by_bridge(&format!("/webhook/{dialect}/{verb}"), envelope.to_string()))
}

/// What was sent to the broker since the last look.
fn published(bed: &Testbed) -> Vec<Value> {
    let sent = bed.outbound.requests.take();
    sent.iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect()
}
