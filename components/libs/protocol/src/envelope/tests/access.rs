//! Brokers' questions about clients and topics.

use proptest::prelude::*;

use crate::envelope::*;
use crate::topic::Action;

#[test]
fn rmqtt_asks_who_a_client_is() {
    let body =
        br#"{"password":"p1","username":"u1","ipaddr":"127.0.0.1","clientid":"s564934","protocol":"4"}"#;
    let request = auth_request(body).unwrap();
    assert_eq!((request.client_id.as_str(), request.username.as_str()), ("s564934", "u1"));
    assert_eq!(request.password.expose(), "p1");
}

#[test]
fn names_and_forms_differ() {
    for body in [
        r#"{"client_id":"c","username":"u","password":"p"}"#,
        r#" {"clientid":"undefined","client_id":"c","username":"u","password":"p"}"#,
        "clientid=c&username=u&password=p",
        "username=u&password=p&vhost=%2F&client_id=c",
    ] {
        let request = auth_request(body.as_bytes()).unwrap();
        assert_eq!((request.client_id.as_str(), request.username.as_str()), ("c", "u"), "{body}");
        assert_eq!(request.password.expose(), "p");
    }
}

#[test]
fn a_form_is_decoded() {
    let body = b"clientid=dev001%7Bip%3D1%7D%7Csecuremode%3D2%2C+signmethod%3Dsha256%7C&username=dev001%26pk&password=a%2Bb";
    let request = auth_request(body).unwrap();
    assert_eq!(request.client_id, "dev001{ip=1}|securemode=2, signmethod=sha256|");
    assert_eq!((request.username.as_str(), request.password.expose()), ("dev001&pk", "a+b"));
}

#[test]
fn a_login_without_its_parts_is_an_error() {
    for (body, missing) in [
        ("", "clientid"),
        ("{}", "clientid"),
        (r#"{"clientid":"","username":"u"}"#, "clientid"),
        (r#"{"clientid":"c"}"#, "username"),
        (r#"{"clientid":"c","username":"undefined"}"#, "username"),
        ("clientid=c", "username"),
    ] {
        assert_eq!(auth_request(body.as_bytes()), Err(EnvelopeError::Missing(missing)), "{body}");
    }
    assert_eq!(auth_request(b"clientid=\xff"), Err(EnvelopeError::Text));
    assert!(matches!(auth_request(br#"{"clientid":7}"#), Err(EnvelopeError::Json { .. })));
    assert!(matches!(auth_request(b"{"), Err(EnvelopeError::Json { .. })));
}

#[test]
fn a_missing_password_is_an_empty_one() {
    let request = auth_request(br#"{"clientid":"c","username":"u","password":null}"#).unwrap();
    assert!(request.password.is_empty());
}

#[test]
fn the_password_is_not_shown() {
    let request = auth_request(br#"{"clientid":"c","username":"u","password":"hunter2"}"#).unwrap();
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn brokers_ask_for_topics_each_its_way() {
    let table = [
        (
            r#"{"protocol":"4","clientid":"c","ipaddr":"127.0.0.1","access":"1","topic":"/t","username":"u1"}"#,
            Action::Subscribe,
        ),
        (r#"{"clientid":"c","access":"2","topic":"/t","username":"u1"}"#, Action::Publish),
        (r#"{"clientid":"c","access":2,"topic":"/t","username":"u1"}"#, Action::Publish),
        (r#"{"clientid":"c","action":"publish","topic":"/t","username":"u1"}"#, Action::Publish),
        (r#"{"clientid":"c","action":"subscribe","topic":"/t","username":"u1"}"#, Action::Subscribe),
        ("clientid=c&access=1&topic=%2Ft&username=u1", Action::Subscribe),
    ];
    for (body, action) in table {
        let request = acl_request(body.as_bytes()).unwrap();
        let expected =
            AclRequest { client_id: "c".into(), username: "u1".into(), action, topic: "/t".into() };
        assert_eq!(request, expected, "{body}");
    }
}

#[test]
fn a_question_that_cannot_be_understood_is_an_error() {
    let ask = |fields: &str| acl_request(format!(r#"{{"clientid":"c","username":"u"{fields}}}"#).as_bytes());
    assert_eq!(ask(r#","topic":"/t""#), Err(EnvelopeError::Missing("access")));
    assert_eq!(ask(r#","topic":"/t","access":"3""#), Err(EnvelopeError::Unknown("access")));
    assert_eq!(
        ask(r#","topic":"/t","access":"3","action":"publish""#),
        Err(EnvelopeError::Unknown("access"))
    );
    assert_eq!(ask(r#","topic":"/t","action":"all""#), Err(EnvelopeError::Unknown("action")));
    assert_eq!(ask(r#","access":"1""#), Err(EnvelopeError::Missing("topic")));
    assert_eq!(ask(r#","access":"1","topic":"undefined""#), Err(EnvelopeError::Missing("topic")));
}

proptest! {
    #[test]
    fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _refused_or_not = auth_request(&body);
        let _refused_or_not = acl_request(&body);
    }
}
