//! Messages to operators' systems: to one host only, signed, and nothing else counts as arrived than a 2xx.

use http::StatusCode;
use ota_platform::hook::{BadUrl, NotDelivered, Outgoing, send, target};
use ota_platform::native::World;
use ota_protocol::hook::HookKey;
use ota_protocol::secret::Secret;
use serde_json::json;

const SECRET: &str = "secret-of-the-hook";

fn send_to(world: &World, url: &str) -> Result<StatusCode, NotDelivered> {
    let outgoing = Outgoing {
        url,
        secret: &Secret::new(SECRET),
        delivery: "h.7",
        now: 1_800_000_000_999,
        body: &json!({"kind": "held", "detail": "ä \" \u{0}"}),
    };
    send(&world.gateway(), &outgoing)
}

#[test]
fn a_message_is_signed_over_its_bytes_and_named() {
    let world = World::new().unwrap();
    assert_eq!(send_to(&world, "https://hooks.test/a?b=c").unwrap(), StatusCode::OK);
    let sent = &world.outbound.requests.borrow()[0];
    assert_eq!(
        (sent.method().as_str(), sent.uri().to_string()),
        ("POST", "https://hooks.test/a?b=c".to_owned())
    );
    assert_eq!(sent.headers()["content-type"], "application/json");
    assert_eq!(sent.headers()["x-ota-delivery"], "h.7");
    let signature = sent.headers()["x-ota-signature"].to_str().unwrap();
    assert!(signature.starts_with("t=1800000000,v1="), "{signature}");
    let key = HookKey::new(&Secret::new(SECRET)).unwrap();
    assert_eq!(key.verify(signature, sent.body(), 1_800_000_000), Ok(()));
    assert!(!format!("{sent:?}").contains(SECRET));
}

#[test]
fn only_2xx_has_arrived() {
    let world = World::new().unwrap();
    for status in [200, 201, 202, 204] {
        let status = StatusCode::from_u16(status).unwrap();
        world.outbound.status.set(Some(status));
        assert_eq!(send_to(&world, "https://hooks.test/").unwrap(), status);
    }
    for status in [301, 302, 304, 400, 401, 404, 410, 429, 500, 503] {
        world.outbound.status.set(Some(StatusCode::from_u16(status).unwrap()));
        let refused = send_to(&world, "https://hooks.test/").unwrap_err();
        assert!(refused.to_string().starts_with(&format!("the receiver answered {status}")), "{refused}");
    }
    world.outbound.status.set(None);
    let refused = send_to(&world, "https://hooks.test/").unwrap_err();
    assert_eq!(refused.to_string(), "no answer from the receiver: nobody is there");
}

#[test]
fn nothing_is_sent_anywhere_but_to_the_host_that_is_set() {
    let mut world = World::new().unwrap();
    world.variables.insert("hook_host".to_owned(), "https://hooks.test:8443".to_owned());
    for url in [
        "https://hooks.test/",
        "https://hooks.test:84430/",
        "https://hooks.test:8443.evil.test/",
        "https://hooks.test:8443@evil.test/",
        "http://hooks.test:8443/",
        "HTTPS://hooks.test:8443/",
        "https://hooks.test:8443evil/",
        "https://evil.test/https://hooks.test:8443/",
        "https://127.0.0.1/",
        "//hooks.test:8443/",
        "/path",
        "",
        "https://",
        "https://hooks.test:8443/a b",
        "https://hooks.test:8443/\r\nx: y",
        "https://hooks.test:8443/ä",
        "https://hooks.test:8443/#fragment",
        "https://user@hooks.test:8443/",
        "file:///etc/passwd",
    ] {
        assert!(matches!(send_to(&world, url), Err(NotDelivered::Elsewhere(_))), "{url:?}");
    }
    let long = format!("https://hooks.test:8443/{}", "a".repeat(2048));
    assert!(matches!(send_to(&world, &long), Err(NotDelivered::Elsewhere(BadUrl::Malformed))));
    assert!(world.outbound.requests.borrow().is_empty());
    for url in [
        "https://hooks.test:8443",
        "https://hooks.test:8443/",
        "https://hooks.test:8443?a",
        "https://hooks.test:8443/a/b",
    ] {
        assert!(send_to(&world, url).is_ok(), "{url}");
    }
}

#[test]
fn a_host_that_is_not_set_or_is_none_closes_hooks_and_says_so() {
    let mut world = World::new().unwrap();
    for (host, says) in [
        ("", "closed: variable hook_host is not set"),
        ("https://unset.invalid", "closed: variable hook_host is not set"),
        ("hooks.test", "closed: variable hook_host is not http(s)://host[:port]"),
        ("ftp://hooks.test", "closed: variable hook_host is not http(s)://host[:port]"),
        ("https://hooks.test/path", "closed: variable hook_host is not http(s)://host[:port]"),
        ("https://u@hooks.test", "closed: variable hook_host is not http(s)://host[:port]"),
    ] {
        world.variables.insert("hook_host".to_owned(), host.to_owned());
        let refused = target(&world.gateway(), "https://hooks.test/").unwrap_err();
        assert_eq!(refused.to_string(), says, "{host}");
    }
    world.variables.insert("hook_host".to_owned(), "https://hooks.test/".to_owned());
    assert!(target(&world.gateway(), "https://hooks.test/x").is_ok());
}
