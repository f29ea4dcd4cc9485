//! Bodies that nobody sends by accident: most of each is what some component reads, the rest is not.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::request::among;

/// What may come with a request.
pub(super) fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => message().prop_map(|message| message.to_string().into_bytes()),
        1 => vec(message(), 0..5).prop_map(|messages| Value::from(messages).to_string().into_bytes()),
        // Almost right: one byte is another.
        2 => (message(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(message, at, byte)| {
            let mut text = message.to_string().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            text
        }),
        1 => vec(any::<u8>(), 0..2000),
        1 => select(vec![b"[".repeat(100_000), br#"{"params":"#.repeat(20_000), vec![b' '; 600 * 1024], Vec::new()]),
    ]
}

/// An object of the words that some component reads, with values that it may not expect.
fn message() -> impl Strategy<Value = Value> {
    const WORDS: &str = "id params version step desc code message data signMethod lifetime sign clientid client_id \
        username password topic payload action access event product device secret bridge session acknowledged \
        from_type subject data_base64 to mode from devices loss_budget";
    let any_words = btree_map(among(WORDS), value(), 0..8).prop_map(|words| json!(words));
    prop_oneof![1 => any_words, 3 => request(), 2 => envelope(), 1 => login(), 1 => job()]
}

/// What a device says on its topics.
fn request() -> impl Strategy<Value = Value> {
    let version = prop_oneof![2 => "[ -~]{1,140}".prop_map(Value::from), 1 => value()];
    let step = prop_oneof![2 => (-10i64..110).prop_map(Value::from), 1 => value()];
    let scalar = || prop_oneof![3 => text().prop_map(Value::from), 1 => value()];
    (scalar(), version, step, scalar()).prop_map(|(id, version, step, desc)| {
        json!({ "id": id, "code": step, "message": desc,
            "params": { "version": version, "step": step, "desc": desc } })
    })
}

/// The same as a broker wraps it.
fn envelope() -> impl Strategy<Value = Value> {
    let topic = among("inform progress getversion upgrade_reply inform_reply upgrade");
    let topic = (topic, select(vec!["pk/dk", "pk/no", "pk", "", "p k/dk", "pk/dk/x"]));
    let topic = topic.prop_map(|(name, device)| Value::from(format!("/sys/{device}/ota/device/{name}")));
    let payload =
        prop_oneof![2 => request().prop_map(|request| Value::from(request.to_string())), 1 => value()];
    (prop_oneof![9 => topic, 1 => value()], payload, text(), value()).prop_map(|(topic, payload, one, other)| {
        json!({ "action": "message_publish", "topic": topic, "subject": topic, "payload": payload, "data": payload,
            "specversion": "1.0", "type": one, "from_type": one, "ts": other, "clientid": one, "qos": other })
    })
}

/// What a broker or a device without MQTT asks at the doors.
fn login() -> impl Strategy<Value = Value> {
    let event = among("connected disconnected client_connected client.disconnected x");
    (value(), value(), value(), value(), event).prop_map(|(one, two, three, four, event)| {
        json!({ "clientid": one, "username": "dk&pk", "password": two, "topic": three, "access": "2",
            "signMethod": "sha256", "sign": four, "lifetime": two, "event": event, "product": "pk", "device": "dk",
            "bridge": one, "session": four, "acknowledged": [three, one] })
    })
}

/// What an operator wants.
fn job() -> impl Strategy<Value = Value> {
    let number = prop_oneof![any::<i64>(), -2i64..12];
    (vec(number, 6), value(), value(), among("push request no")).prop_map(|(n, to, names, mode)| {
        let mut job = json!({ "product": "pk", "to": "2", "mode": mode, "loss_budget": n[0], "growth": n[1],
            "max_in_flight": n[2], "first_sign_within": n[3], "upgrade_timeout": n[4], "confirm_within": n[5] });
        if n[0] % 2 == 0 {
            job["to"] = to;
            job["devices"] = names;
        }
        job
    })
}

/// Text that may mean something somewhere.
fn text() -> impl Strategy<Value = String> {
    const KNOWN: &str = "pk dk 1 2 dk&pk connected client_connected disconnected push request sha256 1e999 \u{0} \
        /sys/pk/dk/ota/device/inform /sys/pk/dk/ota/device/progress eyJpZCI6MX0= \u{202e} undefined 2147483648 \
        -2147483649 publish message_publish dk|securemode=2,signmethod=sha256,timestamp=1|";
    prop_oneof![
        3 => among(KNOWN).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => Just("x".repeat(5000)),
    ]
}

/// Any JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-10i64..110).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => select(vec![Value::Null, Value::Bool(true), Value::Bool(false)]),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|object| json!(object)),
        ]
    })
}
