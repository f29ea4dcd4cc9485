//! What every device topic has in common: who may bring a message, what becomes of a bad one, how the reply goes back.
//! Longer than 400 lines because all of it shares the helpers at its end.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::cell::Cell;

use http::{Method, StatusCode};
use ota_ledger::registry::ProductTerms;
use ota_ledger::{Ledger, SqlError};
use ota_platform::native::World;
use ota_platform::topic::{self, Answer, Call};
use ota_platform::{Failure, Request, Response};
use ota_protocol::code::Code;
use ota_protocol::key::DeviceId;
use ota_protocol::message::{self, Inform};
use ota_protocol::session::Session;
use ota_protocol::topic::Uplink;
use proptest::prelude::*;
use serde_json::{Value, json};

const INFORM: &str = "/topic/sys/pk/dk/ota/device/inform";
const MESSAGE: &str = r#"{"method":"ota.device.inform","id":"1","params":{"version":"v1"},"version":"1.1"}"#;
const COMMAND: &str = r#"{"id":"7","params":{"version":"vé"}}"#;

#[test]
fn a_message_is_answered_in_the_response() {
    let world = World::new().unwrap();
    let response = inform(&world, &by_bridge(INFORM, MESSAGE));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body(&response), json!({"id": "1", "code": 200, "data": {}}));
    assert!(!response.headers().contains_key("command-payload"));
}

#[test]
fn a_command_rides_in_the_headers_with_everything_escaped() {
    let world = World::new().unwrap();
    let response = topic::serve(
        &world.gateway(),
        &by_bridge(INFORM, MESSAGE),
        Uplink::Inform,
        message::decode_inform,
        |_, _| Ok(Answer::done().with_command(Some(COMMAND.to_owned()))),
    );
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["topic"], "/sys/pk/dk/ota/device/upgrade");
    assert_eq!(response.headers()["command-payload"], r#"{"id":"7","params":{"version":"v\u00e9"}}"#);
}

#[test]
fn a_command_too_long_for_a_header_is_left_to_the_sweep() {
    let world = World::new().unwrap();
    let response = topic::serve(
        &world.gateway(),
        &by_bridge(INFORM, MESSAGE),
        Uplink::Inform,
        message::decode_inform,
        |_, _| Ok(Answer::done().with_command(Some("x".repeat(5000)))),
    );
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("topic"));
}

#[test]
fn bad_messages_get_their_code_and_200_and_never_reach_the_decision() {
    let world = World::new().unwrap();
    let large = " ".repeat(message::MAX_PAYLOAD + 1);
    for (payload, code) in
        [("", 1251), ("{", 1220), ("[]", 1220), (r#"{"id":"9","params":{}}"#, 1220), (large.as_str(), 1008)]
    {
        let response = topic::serve(
            &world.gateway(),
            &by_bridge(INFORM, payload),
            Uplink::Inform,
            message::decode_inform,
            |_, _| panic!("decided over a bad message"),
        );
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(body(&response)["code"], code);
    }
}

#[test]
fn errors_of_getversion_have_a_list_and_upgrade_reply_has_no_reply() {
    let world = World::new().unwrap();
    let path = "/topic/sys/pk/dk/ota/device/getversion";
    for payload in ["{", r#"{"id":1}"#] {
        let response = topic::serve(
            &world.gateway(),
            &by_bridge(path, payload),
            Uplink::Getversion,
            message::decode_getversion,
            |_, _| Ok(Answer::refused(Code::DeviceNotFound)),
        );
        assert_eq!(body(&response)["data"], json!([]));
        assert_ne!(body(&response)["code"], 200);
    }
    let path = "/topic/sys/pk/dk/ota/device/upgrade_reply";
    for payload in ["{", r#"{"id":"77","code":200,"data":{}}"#] {
        let response = topic::serve(
            &world.gateway(),
            &by_bridge(path, payload),
            Uplink::UpgradeReply,
            message::decode_upgrade_reply,
            |_, _| Ok(Answer::done()),
        );
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(response.body().is_empty());
    }
}

#[test]
fn what_the_bridge_knows_reaches_the_decision() {
    let world = World::new().unwrap();
    let mut request = by_bridge(INFORM, MESSAGE);
    for (name, value) in [("x-mqtt-age", "250"), ("x-ota-bridge", "b1")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let call = heard(&world, &request);
    assert_eq!(call.device.to_string(), "pk/dk");
    assert_eq!(call.params.version.as_str(), "v1");
    assert_eq!((call.age_ms, call.bridge.as_deref()), (Some(250), Some("b1")));

    for age in ["undefined", "-1", "soon", ""] {
        request.headers_mut().insert("x-mqtt-age", age.parse().unwrap());
        assert_eq!(heard(&world, &request).age_ms, None, "{age}");
    }
}

#[test]
fn paths_that_are_none_of_ours_are_not_found() {
    let world = World::new().unwrap();
    for path in [
        "/topic/sys/pk/dk/ota/device/progress",
        "/topic/sys/pk/dk/ota/device/upgrade",
        "/topic/sys/pk/dk/ota/device/inform/",
        "/topic/sys/pk/dk/ota/device/inform_reply",
        "/topic/sys/pk/../ota/device/inform",
        "/topic/sys/pk/d%2Fk/ota/device/inform",
        "/topic/sys/pk/d%00/ota/device/inform",
        "/topic/sys//dk/ota/device/inform",
        "/topic/sys/pk/ota/device/inform",
        "/webhook/rmqtt/progress",
        "/webhook/mosquitto/inform",
        "/webhook/rmqtt/inform/x",
        "/sys/pk/dk/ota/device/inform",
        "/",
    ] {
        let response = inform(&world, &by_bridge(path, MESSAGE));
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn only_post_brings_a_message() {
    let world = World::new().unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut request = by_bridge(INFORM, MESSAGE);
        *request.method_mut() = method;
        let response = inform(&world, &request);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "POST");
    }
}

#[test]
fn without_the_token_nothing_is_decided() {
    let world = World::new().unwrap();
    let nothing = Request::new(Vec::new());
    for path in [INFORM, "/webhook/rmqtt/inform"] {
        let mut request = by_bridge(path, MESSAGE);
        *request.headers_mut() = nothing.headers().clone();
        assert_eq!(inform(&world, &request).status(), StatusCode::UNAUTHORIZED);
        request.headers_mut().insert("authorization", "Bearer guessed".parse().unwrap());
        assert_eq!(inform(&world, &request).status(), StatusCode::FORBIDDEN);
    }
}

#[test]
fn a_failing_ledger_is_503_with_retry_after() {
    let world = World::new().unwrap();
    let response = topic::serve(
        &world.gateway(),
        &by_bridge(INFORM, MESSAGE),
        Uplink::Inform,
        message::decode_inform,
        |_, _| Err(SqlError("disk full".to_owned()).into()),
    );
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
}

#[test]
fn a_new_database_gets_its_schema_and_the_decision_a_second_chance() {
    let world = World::new().unwrap();
    let tries = Cell::new(0);
    let response = topic::serve(
        &world.gateway(),
        &by_bridge(INFORM, MESSAGE),
        Uplink::Inform,
        message::decode_inform,
        |ledger, call| {
            tries.set(tries.get() + 1);
            let known = ledger.device(&call.device)?;
            Ok(known.map_or(Answer::refused(Code::DeviceNotFound), |_| Answer::done()))
        },
    );
    assert_eq!(body(&response)["code"], 402);
    assert_eq!(tries.get(), 2);
}

#[test]
fn a_session_opens_its_own_devices_topics_until_it_ends() {
    let world = World::new().unwrap();
    let device = DeviceId::parse("pk", "dk").unwrap();
    let (epoch, now) = register(&world, &device);
    let sound = Session { epoch, device, generation: 1, expires_at: now + 60_000 };
    assert_eq!(inform(&world, &in_session(&world, &sound)).status(), StatusCode::OK);

    let other = DeviceId::parse("pk", "other").unwrap();
    for (session, status) in [
        (Session { expires_at: now - 1, ..sound.clone() }, StatusCode::UNAUTHORIZED),
        (Session { epoch: epoch + 1, ..sound.clone() }, StatusCode::UNAUTHORIZED),
        (Session { generation: 2, ..sound.clone() }, StatusCode::UNAUTHORIZED),
        (Session { device: other, ..sound.clone() }, StatusCode::FORBIDDEN),
    ] {
        let response = inform(&world, &in_session(&world, &session));
        assert_eq!(response.status(), status, "{session:?}");
    }

    for token in ["", "x", "x.y"] {
        let mut request = by_bridge(&format!("{INFORM}?sessionId={token}"), MESSAGE);
        request.headers_mut().clear();
        assert_eq!(inform(&world, &request).status(), StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn a_device_cannot_claim_what_only_a_bridge_knows() {
    let world = World::new().unwrap();
    let device = DeviceId::parse("pk", "dk").unwrap();
    let (epoch, now) = register(&world, &device);
    let session = Session { epoch, device, generation: 1, expires_at: now + 60_000 };
    let mut request = in_session(&world, &session);
    for (name, value) in [("x-mqtt-age", "1"), ("x-ota-bridge", "b"), ("x-mqtt-reply", "publish")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let call = heard(&world, &request);
    assert_eq!((call.age_ms, call.bridge), (None, None));
    assert!(world.outbound.requests.borrow().is_empty());
}

#[test]
fn a_caller_that_cannot_use_a_response_gets_everything_published_in_order() {
    let world = World::new().unwrap();
    let mut request = by_bridge(INFORM, MESSAGE);
    request.headers_mut().insert("x-mqtt-reply", "publish".parse().unwrap());
    let envelope = by_bridge("/webhook/rmqtt/inform", &rmqtt(INFORM_TOPIC, "custom"));
    for request in [request, envelope] {
        let response =
            topic::serve(&world.gateway(), &request, Uplink::Inform, message::decode_inform, |_, _| {
                Ok(Answer::done().with_command(Some(COMMAND.to_owned())))
            });
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let sent = world.outbound.requests.take();
        assert_eq!(sent.len(), 2);
        for request in &sent {
            assert_eq!(request.uri(), "http://broker.test/api/v5/publish");
            assert_eq!(request.headers()["authorization"], "Bearer the-publish-token");
        }
        assert_eq!(
            published(&sent[0]),
            json!({
                "topic": "/sys/pk/dk/ota/device/inform_reply",
                "payload": r#"{"id":"1","code":200,"data":{}}"#,
                "qos": 1, "retain": false, "encoding": "plain",
            })
        );
        assert_eq!(
            published(&sent[1]),
            json!({
                "topic": "/sys/pk/dk/ota/device/upgrade",
                "payload": COMMAND,
                "qos": 1, "retain": false, "encoding": "plain",
            })
        );
    }
}

#[test]
fn a_broker_that_does_not_take_the_reply_makes_the_caller_try_again() {
    let world = World::new().unwrap();
    let request = by_bridge("/webhook/rmqtt/inform", &rmqtt(INFORM_TOPIC, "custom"));
    for status in [None, Some(StatusCode::UNAUTHORIZED), Some(StatusCode::BAD_GATEWAY)] {
        world.outbound.status.set(status);
        let response = inform(&world, &request);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{status:?}");
        assert!(response.headers().contains_key("retry-after"));
    }
}

#[test]
fn the_publish_api_is_closed_without_its_variables_and_takes_a_user_and_password() {
    let request = by_bridge("/webhook/rmqtt/inform", &rmqtt(INFORM_TOPIC, "custom"));
    for variable in ["publish_url", "publish_token"] {
        let mut world = World::new().unwrap();
        world.variables.remove(variable);
        let response = inform(&world, &request);
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(String::from_utf8_lossy(response.body()).contains(variable));
    }
    let mut world = World::new().unwrap();
    world.variables.insert("publish_token".to_owned(), "key:secret".to_owned());
    inform(&world, &request);
    let sent = world.outbound.requests.take();
    assert_eq!(sent[0].headers()["authorization"], "Basic a2V5OnNlY3JldA==");
}

#[test]
fn envelopes_that_hold_nothing_of_a_device_are_ignored() {
    let world = World::new().unwrap();
    let forged = rmqtt(INFORM_TOPIC, "custom").replace("dk&pk", "evil&pk");
    for envelope in [
        rmqtt(INFORM_TOPIC, "admin"),
        rmqtt("/sys/pk/dk/ota/device/inform_reply", "custom"),
        rmqtt("/sys/pk/dk/ota/device/upgrade", "custom"),
        forged,
    ] {
        let response = topic::serve(
            &world.gateway(),
            &by_bridge("/webhook/rmqtt/inform", &envelope),
            Uplink::Inform,
            message::decode_inform,
            |_, _| panic!("decided over {envelope}"),
        );
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{envelope}");
    }
    assert!(world.outbound.requests.borrow().is_empty());
}

#[test]
fn envelopes_that_cannot_be_read_tell_the_operator() {
    let world = World::new().unwrap();
    for (envelope, status) in [
        ("{".to_owned(), StatusCode::BAD_REQUEST),
        (rmqtt("/sys/pk/dk/ota/device/progress", "custom"), StatusCode::BAD_REQUEST),
        (" ".repeat(2_000_000), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let response = inform(&world, &by_bridge("/webhook/rmqtt/inform", &envelope));
        assert_eq!(response.status(), status);
    }
}

proptest! {
    #[test]
    fn no_request_panics_or_is_500(
        path in prop_oneof!["/topic/.{0,60}", "/webhook/(rmqtt|nanomq|cloudevents)/inform", Just(INFORM.to_owned())],
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let world = World::new().unwrap();
        let Ok(uri) = path.parse::<http::Uri>() else { return Ok(()) };
        let mut request = by_bridge("/", "");
        *request.uri_mut() = uri;
        *request.body_mut() = payload;
        let status = inform(&world, &request).status();
        prop_assert!(status.as_u16() < 500, "{status}");
    }
}

const INFORM_TOPIC: &str = "/sys/pk/dk/ota/device/inform";

fn by_bridge(path: &str, payload: &str) -> Request {
    http::Request::post(path)
        .header("authorization", "Bearer the-bridge-token")
        .body(payload.as_bytes().to_vec())
        .unwrap()
}

fn in_session(world: &World, session: &Session) -> Request {
    let token = session.sign(&world.gateway().link_keys().unwrap());
    let mut request = by_bridge(&format!("{INFORM}?sessionId={token}"), MESSAGE);
    request.headers_mut().clear();
    request
}

fn rmqtt(topic: &str, from_type: &str) -> String {
    json!({
        "action": "inform", "dup": false, "from_clientid": "dk", "from_type": from_type,
        "from_username": "dk&pk", "packet_id": 1, "payload": base64(MESSAGE), "qos": 1,
        "retain": false, "topic": topic, "ts": 1_795_456_493_161_i64,
    })
    .to_string()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn inform(world: &World, request: &Request) -> Response {
    serve(world, request, |_, _| Ok(Answer::done()))
}

fn serve(
    world: &World,
    request: &Request,
    decide: impl Fn(&Ledger<'_>, &Call<Inform>) -> Result<Answer, Failure>,
) -> Response {
    topic::serve(&world.gateway(), request, Uplink::Inform, message::decode_inform, decide)
}

/// What the decision is told.
fn heard(world: &World, request: &Request) -> Call<Inform> {
    let heard = Cell::new(None);
    let response = serve(world, request, |_, call| {
        heard.set(Some(call.clone()));
        Ok(Answer::done())
    });
    assert_eq!(response.status(), StatusCode::OK);
    heard.take().unwrap()
}

/// The epoch and the time of the ledger.
fn register(world: &World, device: &DeviceId) -> (i64, i64) {
    world
        .gateway()
        .decide(|ledger| {
            ledger.create_product(&device.product, &ProductTerms::default())?;
            ledger.create_device(device, "sealed")?;
            let (_, epoch, now) = ledger.device(device)?.unwrap();
            Ok((epoch, now))
        })
        .unwrap()
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn published(request: &http::Request<Vec<u8>>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}
