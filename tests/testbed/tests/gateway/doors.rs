//! Each route of `spin.toml` with each kind of credentials: no key, no entry.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use ota_platform::Request;
use ota_protocol::session::Session;
use ota_testbed::{ROUTES, Testbed, path_of};
use serde_json::{Value, json};

use crate::{IMAGE, message};

/// What opens a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// The bridge's token.
    Bridge,
    /// The bridge's token, or the session of the device.
    Device,
    /// The operator's token.
    Operator,
    /// The link in the URL.
    Link,
    /// The session of the device, and the link in the URL.
    Session,
    /// The sign in the body: everybody may try.
    Login,
}

/// One request that succeeds once it is let in.
struct Knock {
    route: &'static str,
    door: Door,
    method: Method,
    uri: String,
    body: String,
}

#[test]
fn every_route_of_the_manifest_has_a_door_here() {
    let (bed, knocks) = furnished();
    let manifest: BTreeSet<&str> = ROUTES.iter().map(|(route, _)| route.as_str()).collect();
    let tried: BTreeSet<&str> = knocks.iter().map(|knock| knock.route).collect();
    assert_eq!(tried, manifest);
    drop(bed);
}

#[test]
fn no_token_is_401_a_wrong_one_403_and_the_right_one_opens_as_bearer_and_as_basic() {
    let (mut bed, knocks) = furnished();
    let (bridge, operator) = ("the-bridge-token", "the-operator-token");
    for knock in
        knocks.iter().filter(|knock| matches!(knock.door, Door::Bridge | Door::Device | Door::Operator))
    {
        let (right, other) =
            if knock.door == Door::Operator { (operator, bridge) } else { (bridge, operator) };
        let basic = |user: &str, token: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{token}")));
        let refused = [
            (None, StatusCode::UNAUTHORIZED),
            (Some(String::new()), StatusCode::UNAUTHORIZED),
            (Some(right.to_owned()), StatusCode::UNAUTHORIZED),
            (Some(format!("Digest {right}")), StatusCode::UNAUTHORIZED),
            (Some("Bearer".to_owned()), StatusCode::UNAUTHORIZED),
            (Some("Basic !".to_owned()), StatusCode::UNAUTHORIZED),
            (Some("Bearer guessed".to_owned()), StatusCode::FORBIDDEN),
            (Some(format!("Bearer {other}")), StatusCode::FORBIDDEN),
            (Some(format!("Bearer {right}x")), StatusCode::FORBIDDEN),
            (Some(format!("Bearer {right} {right}")), StatusCode::FORBIDDEN),
            (Some(basic("u", "guessed")), StatusCode::FORBIDDEN),
            (Some(basic(right, "")), StatusCode::FORBIDDEN),
            (Some("Bearer the-old-token".to_owned()), StatusCode::FORBIDDEN),
        ];
        for (authorization, status) in refused {
            let before = bed.state();
            let response = bed.send(&knock.with(authorization.as_deref()));
            assert_eq!(response.status(), status, "{} with {authorization:?}", knock.uri);
            let asks = response.headers().contains_key("www-authenticate");
            assert_eq!(asks, status == StatusCode::UNAUTHORIZED, "{}", knock.uri);
            assert_eq!(bed.state(), before, "{} with {authorization:?}", knock.uri);
        }
        for authorization in
            [format!("Bearer {right}"), format!("bearer {right}"), basic("any", right), basic("", right)]
        {
            knock.assert_opens(&bed, Some(&authorization));
        }
        if knock.door != Door::Operator {
            bed.variables.insert("bridge_token_previous".to_owned(), "the-old-token".to_owned());
            knock.assert_opens(&bed, Some("Bearer the-old-token"));
            knock.assert_opens(&bed, Some(&format!("Bearer {right}")));
            bed.variables.remove("bridge_token_previous");
        }
    }
}

#[test]
fn a_door_whose_variable_is_not_set_is_403_and_names_it() {
    let (mut bed, knocks) = furnished();
    for knock in &knocks {
        let (variables, authorization): (&[&str], _) = match knock.door {
            Door::Bridge | Door::Device => (&["bridge_token"], Some("Bearer the-bridge-token")),
            Door::Operator => (&["operator_token"], Some("Bearer the-operator-token")),
            Door::Link | Door::Session => (&["link_key"], None),
            Door::Login => (&["link_key", "secret_key"], None),
        };
        for variable in variables {
            let value = bed.variables.remove(*variable).unwrap();
            for unset in [None, Some(String::new())] {
                if let Some(unset) = unset {
                    bed.variables.insert((*variable).to_owned(), unset);
                }
                for authorization in [authorization, None, Some("Bearer "), Some("Bearer x")] {
                    let response = bed.send(&knock.with(authorization));
                    assert_eq!(response.status(), StatusCode::FORBIDDEN, "{}", knock.uri);
                    let text = String::from_utf8_lossy(response.body()).into_owned();
                    assert!(
                        text.contains(&format!("variable {variable} is not set")),
                        "{}: {text}",
                        knock.uri
                    );
                    assert!(text.contains(&format!("SPIN_VARIABLE_{}", variable.to_uppercase())), "{text}");
                }
            }
            bed.variables.insert((*variable).to_owned(), value);
        }
    }
}

#[test]
fn a_device_in_its_session_opens_its_own_topics_and_nothing_else() {
    let (bed, knocks) = furnished();
    let keys = bed.gateway().link_keys().unwrap();
    let own = Session::open(bed.device("d0").logged_in("secret-of-d0").session(), &keys).unwrap();
    let other = Session::open(bed.device("d1").logged_in("secret-of-d1").session(), &keys).unwrap();
    for knock in &knocks {
        let bare = knock.uri.split_once("sessionId=").map_or(knock.uri.clone(), |(uri, _)| uri.to_owned());
        let joint = if bare.contains('?') { '&' } else { '?' };
        for (token, status) in [
            (own.sign(&keys), None),
            (other.sign(&keys), Some(StatusCode::FORBIDDEN)),
            (
                Session { expires_at: ota_testbed::START, ..own.clone() }.sign(&keys),
                Some(StatusCode::UNAUTHORIZED),
            ),
            (Session { epoch: 9, ..own.clone() }.sign(&keys), Some(StatusCode::UNAUTHORIZED)),
            (Session { generation: 9, ..own.clone() }.sign(&keys), Some(StatusCode::UNAUTHORIZED)),
            ("x.y".to_owned(), Some(StatusCode::UNAUTHORIZED)),
            (String::new(), Some(StatusCode::UNAUTHORIZED)),
        ] {
            let uri = format!("{bare}{joint}sessionId={token}");
            let answered = bed.send(&knock.at(&uri, None)).status();
            match knock.door {
                Door::Device => assert_eq!(answered, status.unwrap_or(knock.success()), "{uri}"),
                Door::Bridge | Door::Operator => assert_eq!(answered, StatusCode::UNAUTHORIZED, "{uri}"),
                Door::Link | Door::Session | Door::Login => {}
            }
        }
    }
}

#[test]
fn without_the_key_that_seals_it_a_session_opens_nothing() {
    let (mut bed, knocks) = furnished();
    let session = bed.device("d0").logged_in("secret-of-d0").session().to_owned();
    bed.variables.remove("link_key");
    for knock in knocks.iter().filter(|knock| knock.door == Door::Device) {
        let response = bed.send(&knock.at(&format!("{}?sessionId={session}", knock.uri), None));
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{}", knock.uri);
        assert!(String::from_utf8_lossy(response.body()).contains("variable link_key is not set"));
    }
}

#[test]
fn a_link_and_a_session_open_only_as_they_were_sealed() {
    let (bed, knocks) = furnished();
    for knock in knocks.iter().filter(|knock| matches!(knock.door, Door::Link | Door::Session)) {
        // No other token helps.
        let (path, query) = knock.uri.split_once('?').unwrap();
        for (query, status) in [
            (String::new(), StatusCode::UNAUTHORIZED),
            (
                query.replace('=', "=x"),
                if knock.door == Door::Link { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED },
            ),
        ] {
            for authorization in [None, Some("Bearer the-bridge-token"), Some("Bearer the-operator-token")] {
                let answered = bed.send(&knock.at(&format!("{path}?{query}"), authorization)).status();
                assert_eq!(answered, status, "{path}?{query}");
            }
        }
        knock.assert_opens(&bed, None);
    }
}

impl Knock {
    fn with(&self, authorization: Option<&str>) -> Request {
        self.at(&self.uri, authorization)
    }

    fn at(&self, uri: &str, authorization: Option<&str>) -> Request {
        let request = http::Request::builder().method(self.method.clone()).uri(uri);
        let request = match authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        };
        request.body(self.body.clone().into_bytes()).unwrap()
    }

    /// How it is answered when it is let in.
    fn success(&self) -> StatusCode {
        let has_no_reply = self.uri.contains("upgrade_reply") || self.uri.starts_with("/webhook/");
        if has_no_reply { StatusCode::NO_CONTENT } else { StatusCode::OK }
    }

    fn assert_opens(&self, bed: &Testbed, authorization: Option<&str>) {
        let status = bed.send(&self.with(authorization)).status();
        assert!(status.is_success(), "{} {} with {authorization:?}: {status}", self.method, self.uri);
    }
}

/// A gateway with a job that told `d0`, and a request for each of its routes that may be repeated.
fn furnished() -> (Testbed, Vec<Knock>) {
    let bed = Testbed::with_fleet(2, IMAGE);
    bed.add_firmware("3", IMAGE);
    let job = bed.add_job("push", json!({}));
    let told = bed.device("d0").inform("1");
    let url = told.file_url().as_str().unwrap().to_owned();
    let session = bed.device("d0").logged_in("secret-of-d0").session().to_owned();
    let mut knocks = Vec::new();
    let mut add = |route, door, method, uri: String, body: String| {
        knocks.push(Knock { route, door, method, uri, body });
    };

    for (route, verb) in [
        ("/topic/sys/:pk/:dk/ota/device/inform", "inform"),
        ("/topic/sys/:pk/:dk/ota/device/progress", "progress"),
        ("/topic/sys/:pk/:dk/ota/device/getversion", "getversion"),
        ("/topic/sys/:pk/:dk/ota/device/upgrade_reply", "upgrade_reply"),
    ] {
        let uri = format!("/topic/sys/pk/d0/ota/device/{verb}");
        add(route, Door::Device, Method::POST, uri, message(verb).to_string());
    }
    for (route, _) in ROUTES.iter().filter(|(route, _)| route.starts_with("/webhook/")) {
        let verb = route.rsplit('/').next().unwrap();
        let topic = format!("/sys/pk/d0/ota/device/{verb}");
        let envelope =
            json!({"topic": topic, "subject": topic, "payload": message(verb), "data": message(verb)});
        add(route, Door::Bridge, Method::POST, route.clone(), envelope.to_string());
    }
    let hook = json!({"clientid": "c", "username": "d0&pk", "access": "1", "topic": "t"}).to_string();
    add("/mqtt/auth", Door::Bridge, Method::POST, "/mqtt/auth".to_owned(), hook.clone());
    add("/mqtt/acl", Door::Bridge, Method::POST, "/mqtt/acl".to_owned(), hook);
    add("/mqtt/presence", Door::Bridge, Method::POST, "/mqtt/presence".to_owned(), "[]".to_owned());
    for method in [Method::GET, Method::POST] {
        add("/internal/sweep", Door::Bridge, method, "/internal/sweep".to_owned(), String::new());
    }
    let login = json!({"signMethod": "sha256", "sign": "00"}).to_string();
    add("/auth/:pk/:dk", Door::Login, Method::POST, "/auth/pk/d0".to_owned(), login);
    for method in [Method::GET, Method::HEAD] {
        add("/:org/ota/:file", Door::Link, method.clone(), path_of(&url).to_owned(), String::new());
        let escaped = url.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let uri = format!("/multipart/sys/pk/d0/file/download?fileUri={escaped}&sessionId={session}");
        add("/multipart/sys/:pk/:dk/file/download", Door::Session, method, uri, String::new());
    }
    add("/metrics", Door::Operator, Method::GET, "/metrics".to_owned(), String::new());
    for (method, path, body) in operations(&job) {
        add("/api/v1/...", Door::Operator, method, format!("/api/v1{path}"), body);
    }
    (bed, knocks)
}

/// Everything that an operator can ask, so that it can be asked again.
fn operations(job: &str) -> Vec<(Method, String, String)> {
    let body = |body: Value| body.to_string();
    vec![
        (Method::GET, "/products".to_owned(), String::new()),
        (Method::POST, "/products".to_owned(), body(json!({"product": "pk"}))),
        (Method::GET, "/products/pk/devices".to_owned(), String::new()),
        (Method::GET, "/products/pk/devices/d0".to_owned(), String::new()),
        (Method::GET, "/products/pk/firmware".to_owned(), String::new()),
        (Method::PUT, "/products/pk/firmware/2".to_owned(), String::from_utf8_lossy(IMAGE).into_owned()),
        (Method::GET, "/jobs".to_owned(), String::new()),
        // Of a firmware that no job has exposed anybody to, and of a mode that exposes nobody by itself.
        (
            Method::POST,
            "/jobs".to_owned(),
            body(json!({"product": "pk", "to": "3", "devices": ["d1"], "mode": "request"})),
        ),
        (Method::GET, format!("/jobs/{job}/explain/d0"), String::new()),
        (Method::GET, "/products/pk/devices/d0/explain".to_owned(), String::new()),
        (Method::GET, format!("/jobs/{job}"), String::new()),
        (Method::GET, format!("/jobs/{job}/tasks"), String::new()),
        (Method::POST, format!("/jobs/{job}/stop"), String::new()),
        (Method::GET, "/events".to_owned(), String::new()),
    ]
}
