//! Whatever bytes, paths, headers and fields come: no component panics, and none answers 500. Beside that, the testbed
//! itself checks each answer, each parameter of each statement, and each key of the key-value store.

use http::{HeaderName, HeaderValue, Method};
use ota_platform::Request;
use ota_testbed::{Component, Testbed, json, path_of};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::IMAGE;

/// Names that mean something somewhere.
const FIELDS: [&str; 44] = [
    "id",
    "params",
    "version",
    "step",
    "desc",
    "code",
    "message",
    "method",
    "topic",
    "payload",
    "subject",
    "data",
    "data_base64",
    "action",
    "event",
    "from_type",
    "from_username",
    "retain",
    "flags",
    "clientid",
    "client_id",
    "username",
    "password",
    "access",
    "product",
    "device",
    "bridge",
    "session",
    "acknowledged",
    "sign",
    "signMethod",
    "lifetime",
    "secret",
    "to",
    "mode",
    "from",
    "devices",
    "loss_budget",
    "growth",
    "max_in_flight",
    "first_sign_within",
    "upgrade_timeout",
    "conn_ack",
    "type",
];
const HEADERS: [&str; 14] = [
    "x-mqtt-age",
    "x-ota-bridge",
    "x-mqtt-reply",
    "x-mqtt-client-id",
    "range",
    "if-range",
    "if-none-match",
    "if-match",
    "content-length",
    "content-type",
    "host",
    "spin-path-match-dk",
    "accept",
    "authorization",
];

macro_rules! unbreakable {
    ($($name:ident: $component:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() })]
            $(#[test]
            fn $name(seeds in prop::collection::vec(asked(), 600)) {
                // One gateway for all: what one request leaves behind, the next finds.
                let (bed, places) = furnished();
                for asked in seeds {
                    let Some(request) = asked.request(&bed, &places) else { continue };
                    bed.send_to($component, &request);
                    bed.send(&request);
                    bed.pass(100);
                }
                prop_assert!(json(&bed.operate(Method::GET, "/api/v1/products", "")).is_object());
            })*
        }
    };
}

unbreakable! {
    nothing_breaks_inform: Component::Inform;
    nothing_breaks_progress: Component::Progress;
    nothing_breaks_getversion: Component::Getversion;
    nothing_breaks_upgrade: Component::Upgrade;
    nothing_breaks_firmware: Component::Firmware;
    nothing_breaks_access: Component::Access;
    nothing_breaks_operator: Component::Operator;
}

/// A request, in the making.
#[derive(Debug, Clone)]
struct Asked {
    /// Another method than the place takes.
    method: Option<Method>,
    /// Which of the real places it goes to, if it goes to one.
    place: Option<prop::sample::Index>,
    /// Where it goes otherwise.
    path: String,
    /// What is added to the query.
    query: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    key: Key,
    body: Vec<u8>,
}

/// What it presents.
#[derive(Debug, Clone, Copy)]
enum Key {
    Right,
    Other,
    None,
}

impl Asked {
    /// `None` where HTTP itself takes no such request.
    fn request(&self, bed: &Testbed, places: &[(Method, String)]) -> Option<Request> {
        let place = self.place.map(|place| place.get(places));
        let (method, path) = place.map_or((&Method::POST, &self.path), |(method, path)| (method, path));
        let joint = if path.contains('?') { '&' } else { '?' };
        let uri = format!("{path}{joint}{}", self.query).parse::<http::Uri>().ok()?;
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.as_ref().unwrap_or(method).clone();
        *request.uri_mut() = uri;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        let is_operators = path.starts_with("/api/") || path == "/metrics";
        let variable = match (self.key, is_operators) {
            (Key::Right, true) | (Key::Other, false) => "operator_token",
            (Key::Right, false) | (Key::Other, true) => "bridge_token",
            (Key::None, _) => return Some(request),
        };
        let value = format!("Bearer {}", bed.variables[variable]);
        request.headers_mut().insert("authorization", value.parse().ok()?);
        Some(request)
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let methods = vec![Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::DELETE, Method::OPTIONS];
    let method = prop::option::weighted(0.1, prop::sample::select(methods));
    let path = prop_oneof![
        "/[!-~]{0,40}",
        "/topic/sys/[!-~]{0,12}/[!-~]{0,12}/ota/device/(inform|progress|getversion|upgrade_reply)",
        "/webhook/(rmqtt|nanomq|cloudevents)/(inform|progress|getversion|upgrade_reply)",
        "/api/v1/(products|jobs|events)(/[!-~]{0,8}){0,4}",
        "/auth/[!-~]{0,10}/[!-~]{0,10}",
        "/[a-z]{1,5}/ota/[!-~]{0,12}",
    ];
    let query = prop_oneof![
        3 => Just(String::new()),
        1 => "(t|token|sessionId|fileUri|limit|after|job|product|sign_method|md5|style)=[!-~]{0,20}",
        1 => "[!-~]{0,30}",
    ];
    let value = prop_oneof![
        "[ -~]{0,20}".prop_map(String::into_bytes),
        "bytes=-?[0-9]{0,20}-[0-9]{0,20}(,[0-9]{0,5}-)?".prop_map(String::into_bytes),
        "-?[0-9]{0,22}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let headers = prop::collection::vec((prop::sample::select(HEADERS.to_vec()), value), 0..3);
    let key = prop_oneof![12 => Just(Key::Right), 1 => Just(Key::Other), 1 => Just(Key::None)];
    let body = prop_oneof![
        5 => altered().prop_map(|value| value.to_string().into_bytes()),
        2 => structured().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..300),
        1 => Just(Vec::new()),
    ];
    let place = prop::option::weighted(0.8, any::<prop::sample::Index>());
    (method, place, path, query, headers, key, body).prop_map(
        |(method, place, path, query, headers, key, body)| Asked {
            method,
            place,
            path,
            query,
            headers,
            key,
            body,
        },
    )
}

/// A body that is right somewhere, but for a few fields.
fn altered() -> impl Strategy<Value = Value> {
    let right = prop::sample::select(vec![
        json!({"id": "1", "params": {"version": "1"}}),
        json!({"id": "1", "params": {"step": "10", "desc": "x"}}),
        json!({"id": "1", "code": 200, "data": {}, "message": ""}),
        json!({"topic": "/sys/pk/d0/ota/device/inform", "payload": {"id": 1, "params": {"version": "1"}}}),
        json!({"subject": "/sys/pk/d0/ota/device/progress", "data": {"id": 1, "params": {"step": 5}}}),
        json!({"clientid": "d0|securemode=2,signmethod=md5,timestamp=1|", "username": "d0&pk", "password": "00"}),
        json!({"clientid": "c", "username": "d0&pk", "access": "1", "topic": "/sys/pk/d0/ota/device/upgrade"}),
        json!({"event": "connected", "product": "pk", "device": "d0", "bridge": "b", "session": 1}),
        json!({"bridge": "b", "acknowledged": ["1000000000000000000"]}),
        json!({"signMethod": "sha256", "lifetime": 30000, "sign": "00"}),
        json!({"product": "pk"}),
        json!({"device": "d9", "secret": "s"}),
        json!({"product": "pk", "to": "2", "mode": "push", "devices": ["d1"], "loss_budget": 3, "growth": 0}),
    ]);
    let changes = prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), structured()), 0..3);
    (right, changes).prop_map(|(mut body, changes)| {
        for (is_inner, field, value) in changes {
            let is_inner = is_inner && body["params"].is_object();
            let place = if is_inner { &mut body["params"] } else { &mut body };
            let fields = place.as_object_mut().unwrap();
            let names: Vec<String> = fields.keys().cloned().collect();
            if !names.is_empty() {
                fields.insert(field.get(&names).clone(), value);
            }
        }
        body
    })
}

/// JSON whose fields have names that mean something and values that may.
fn structured() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3..103_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "\\PC{0,200}".prop_map(Value::from),
        prop::sample::select(vec![
            "1",
            "2",
            "d0",
            "d1",
            "pk",
            "d0&pk",
            "push",
            "request",
            "md5",
            "sha256",
            "connected",
            "disconnected",
            "/sys/pk/d0/ota/device/inform",
            "/sys/pk/d0/ota/device/progress",
            "\u{0}",
            "200",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        let field = (prop::sample::select(FIELDS.to_vec()), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            4 => prop::collection::vec(field, 0..8).prop_map(|fields| {
                let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::from(fields.collect::<Map<_, _>>())
            }),
        ]
    })
}

/// A gateway in the middle of things, and places that are there.
fn furnished() -> (Testbed, Vec<(Method, String)>) {
    let bed = Testbed::with_fleet(3, IMAGE);
    let push = bed.add_job("push", json!({"devices": ["d0", "d1"]}));
    bed.add_job("request", json!({"devices": ["d2"]}));
    let url = bed.device("d0").inform("1").file_url().clone();
    let offer = bed.device("d2").getversion().offered_url().clone();
    let session = bed.device("d0").logged_in("secret-of-d0").session().to_owned();
    let mut places = Vec::new();
    let mut add = |method: Method, place: String| places.push((method, place));
    for url in [&url, &offer] {
        add(Method::GET, path_of(url.as_str().unwrap()).to_owned());
    }
    add(Method::GET, format!("/multipart/sys/pk/d0/file/download?sessionId={session}"));
    for verb in crate::UPLINKS {
        add(Method::POST, format!("/topic/sys/pk/d0/ota/device/{verb}"));
        add(Method::POST, format!("/topic/sys/pk/d0/ota/device/{verb}?sessionId={session}"));
        add(Method::POST, format!("/webhook/rmqtt/{verb}"));
        add(Method::POST, format!("/webhook/cloudevents/{verb}"));
    }
    for place in ["/mqtt/auth", "/mqtt/acl", "/mqtt/presence", "/auth/pk/d0", "/internal/sweep"] {
        add(Method::POST, place.to_owned());
    }
    for place in ["", "/pk/devices", "/pk/devices/d0", "/pk/firmware"] {
        add(Method::GET, format!("/api/v1/products{place}"));
    }
    for place in ["/products", "/products/pk/devices", "/jobs", "/jobs", "/hooks", "/hooks/a1/test"] {
        add(Method::POST, format!("/api/v1{place}"));
    }
    for place in ["/jobs", &format!("/jobs/{push}"), &format!("/jobs/{push}/tasks"), "/events", "/hooks"] {
        add(Method::GET, format!("/api/v1{place}"));
    }
    add(Method::PUT, "/api/v1/products/pk/firmware/3".to_owned());
    add(Method::DELETE, "/api/v1/hooks/a1".to_owned());
    add(Method::GET, "/metrics".to_owned());
    (bed, places)
}
