//! `/api/v1/hooks`.

use http::{Method, StatusCode};
use ota_protocol::hook::HookKey;
use ota_protocol::secret::Secret;
use ota_testbed::{Fault, START, Scene, Testbed, json, survives};
use serde_json::{Value, json};

use crate::{assert_refused, assert_takes_no_nonsense, post};

const HOOKS: &str = "/api/v1/hooks";
const URL: &str = "https://hooks.test/ota";

fn add(bed: &Testbed, body: &Value) -> Value {
    let response = post(bed, HOOKS, body);
    assert_eq!(response.status(), StatusCode::CREATED, "{}", json(&response));
    json(&response)
}

fn try_out(bed: &Testbed, hook: &Value) -> ota_platform::Response {
    post(bed, &format!("{HOOKS}/{}/test", hook["hook"].as_str().unwrap()), &json!({}))
}

#[test]
fn a_hook_is_shown_as_it_was_made_and_its_secret_only_then() {
    let bed = Testbed::new();
    bed.add_product();
    let made = add(&bed, &json!({"url": URL, "product": "pk", "kinds": ["held", "done", "held"]}));
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    let mut expected = json!({
        "hook": made["hook"], "url": URL, "product": "pk", "kinds": ["held", "done"], "pending": 0, "delivered": 0,
        "delivered_at": null, "given_up": 0, "failing_since": null, "last_error": null, "created_at": START,
    });
    assert_eq!(bed.show(HOOKS), json!({"hooks": [expected.clone()]}));
    expected["secret"] = json!(secret);
    assert_eq!(made, expected);
    let stored = bed.sql.look("SELECT secret FROM hook")[0].text(0).unwrap();
    assert!(!stored.contains(secret), "it is encrypted at rest");
    assert!(!String::from_utf8_lossy(bed.operate(Method::GET, "/api/v1/events", "").body()).contains(secret));
}

#[test]
fn without_a_word_a_hook_is_told_everything_of_all_products() {
    let bed = Testbed::new();
    let made = add(&bed, &json!({"url": URL, "secret": "a-secret-of-ours"}));
    assert_eq!((&made["product"], &made["secret"]), (&Value::Null, &json!("a-secret-of-ours")));
    assert_eq!(made["kinds"], json!(["held", "stopped", "done", "quarantined", "first_failure"]));
    assert_eq!(bed.events(), ["hook_created"]);
}

#[test]
fn a_url_anywhere_but_on_the_host_that_is_set_is_refused_and_the_variable_named() {
    let mut bed = Testbed::new();
    for url in [
        "https://hooks.test.evil.test/",
        "https://hooks.test@evil.test/",
        "https://hooks.test:8443/",
        "http://hooks.test/",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:3000/api/v1/jobs",
        "ftp://hooks.test/",
    ] {
        let response = post(&bed, HOOKS, &json!({ "url": url }));
        let is_user = url.contains('@');
        let says = if is_user { "url is no URL" } else { "not under https://hooks.test, the one host" };
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
        let hint = json(&response)["error"]["hint"].as_str().map(str::to_owned);
        assert!(is_user || hint.is_some_and(|hint| hint.contains("hook_host")), "{url}");
    }
    for unset in ["", "https://unset.invalid"] {
        bed.variables.insert("hook_host".to_owned(), unset.to_owned());
        let response = post(&bed, HOOKS, &json!({ "url": "https://unset.invalid/" }));
        assert_refused(&response, StatusCode::FORBIDDEN, "closed", "variable hook_host is not set");
    }
    assert_eq!(bed.show(HOOKS), json!({"hooks": []}));
}

#[test]
fn what_a_hook_cannot_be_is_refused_and_named() {
    let bed = Testbed::new();
    assert_takes_no_nonsense(&bed, HOOKS);
    let (long, secret) = (format!("{URL}/{}", "a".repeat(2048)), "s".repeat(129));
    let word = "w".repeat(10_000);
    for (body, says) in [
        (json!({}), "missing field `url`"),
        (json!({"url": 1}), "expected a string"),
        (json!({"url": null}), "expected a string"),
        (json!({"url": ""}), "url is no URL of 1 to 2048 characters"),
        (json!({"url": long}), "url is no URL of 1 to 2048 characters"),
        (json!({"url": "https://hooks.test/a b"}), "url is no URL"),
        (json!({"url": "https://hooks.test/\r\nhost: x"}), "url is no URL"),
        (json!({"url": "https://hooks.test/\u{0}"}), "url is no URL"),
        (json!({"url": "https://hooks.test/ä"}), "url is no URL"),
        (json!({"url": "https://hooks.test/#a"}), "url is no URL"),
        (json!({"url": URL, "secret": ""}), "secret has 0 bytes, must have 16 to 128"),
        (json!({"url": URL, "secret": "15 characters.."}), "secret has 15 bytes, must have 16 to 128"),
        (json!({"url": URL, "secret": secret}), "secret has 129 bytes, must have 16 to 128"),
        (json!({"url": URL, "secret": "sixteen and blanks"}), "not printable ASCII"),
        (json!({"url": URL, "secret": "sixteen-and-nul-\u{0}"}), "not printable ASCII"),
        (json!({"url": URL, "secret": 1}), "expected a string"),
        (json!({"url": URL, "product": "a/b"}), "contains '/'"),
        (json!({"url": URL, "product": 1}), "expected a string"),
        (json!({"url": URL, "kinds": []}), "kinds has 0 entries, must have 1 to 5 of held, stopped, done"),
        (
            json!({"url": URL, "kinds": ["held", "held", "held", "held", "held", "held"]}),
            "kinds has 6 entries",
        ),
        (json!({"url": URL, "kinds": ["Held"]}), "kinds has \"Held\", must be of held, stopped, done"),
        (json!({"url": URL, "kinds": ["held,done"]}), "kinds has \"held,done\""),
        (json!({"url": URL, "kinds": ["%"]}), "kinds has \"%\""),
        (json!({"url": URL, "kinds": [word]}), "kinds has \"www"),
        (json!({"url": URL, "kinds": "held"}), "expected a sequence"),
        (json!({"url": URL, "kinds": [1]}), "expected a string"),
        (json!({"url": URL, "name": "x"}), "unknown field `name`"),
    ] {
        let response = post(&bed, HOOKS, &body);
        assert_refused(&response, StatusCode::BAD_REQUEST, "bad_request", says);
        assert!(response.body().len() < 600, "{says}");
    }
    let response = post(&bed, HOOKS, &json!({"url": URL, "product": "other"}));
    assert_refused(&response, StatusCode::NOT_FOUND, "not_found", "product other is not registered");
    assert_eq!(bed.show(HOOKS), json!({"hooks": []}));
}

#[test]
fn there_may_be_32_hooks() {
    let bed = Testbed::new();
    for _ in 0..32 {
        add(&bed, &json!({ "url": URL }));
    }
    let response = post(&bed, HOOKS, &json!({ "url": URL }));
    assert_refused(&response, StatusCode::UNPROCESSABLE_ENTITY, "too_many_hooks", "there are 32 hooks");
}

#[test]
fn a_hook_is_removed_once_and_for_all() {
    let bed = Testbed::new();
    let made = add(&bed, &json!({ "url": URL }));
    let id = made["hook"].as_str().unwrap();
    for _ in 0..2 {
        let response = bed.operate(Method::DELETE, &format!("{HOOKS}/{id}"), "");
        assert_eq!(
            (response.status(), json(&response)),
            (StatusCode::OK, json!({"hook": id, "removed": true}))
        );
    }
    assert_eq!(bed.show(HOOKS), json!({"hooks": []}));
    assert_eq!(bed.events(), ["hook_created", "hook_removed"]);
    let response = try_out(&bed, &made);
    assert_refused(&response, StatusCode::NOT_FOUND, "not_found", &format!("there is no hook {id}"));
    for (unknown, says) in [
        ("000000000000", "there is no hook 000000000000"),
        ("'%20OR%201=1", "no such hook"),
        ("%00", "no such hook"),
    ] {
        let response = bed.operate(Method::DELETE, &format!("{HOOKS}/{unknown}"), "");
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", says);
        let response = post(&bed, &format!("{HOOKS}/{unknown}/test"), &json!({}));
        assert_refused(&response, StatusCode::NOT_FOUND, "not_found", says);
    }
}

#[test]
fn a_test_sends_a_signed_message_at_once_and_tells_the_status() {
    let bed = Testbed::new();
    let made = add(&bed, &json!({ "url": URL }));
    bed.outbound.status.set(Some(StatusCode::ACCEPTED));
    let response = try_out(&bed, &made);
    assert_eq!(
        (response.status(), json(&response)),
        (StatusCode::OK, json!({"hook": made["hook"], "status": 202}))
    );
    let sent = bed.outbound.requests.take();
    let said: Value = serde_json::from_slice(sent[0].body()).unwrap();
    assert_eq!((&said["kind"], &said["at"], &said["job"]), (&json!("test"), &json!(START), &Value::Null));
    let key = HookKey::new(&Secret::new(made["secret"].as_str().unwrap())).unwrap();
    let signature = sent[0].headers()["x-ota-signature"].to_str().unwrap();
    assert_eq!(key.verify(signature, sent[0].body(), START / 1000), Ok(()));
}

#[test]
fn a_test_that_fails_says_why() {
    let mut bed = Testbed::new();
    let made = add(&bed, &json!({ "url": URL }));
    for (status, says) in [
        (Some(StatusCode::FOUND), "the receiver answered 302 Found"),
        (Some(StatusCode::UNAUTHORIZED), "the receiver answered 401 Unauthorized"),
        (None, "no answer from the receiver: nobody is there"),
    ] {
        bed.outbound.status.set(status);
        assert_refused(&try_out(&bed, &made), StatusCode::UNPROCESSABLE_ENTITY, "not_delivered", says);
    }
    bed.variables.insert("hook_host".to_owned(), "https://moved.test".to_owned());
    let says = "not under https://moved.test";
    assert_refused(&try_out(&bed, &made), StatusCode::UNPROCESSABLE_ENTITY, "not_delivered", says);
    bed.variables.remove("hook_host");
    assert_refused(&try_out(&bed, &made), StatusCode::FORBIDDEN, "closed", "variable hook_host is not set");
    assert_eq!(bed.show(HOOKS)["hooks"][0]["failing_since"], Value::Null, "a test decides nothing");
}

#[test]
fn a_test_that_arrives_makes_what_waits_due_at_once() {
    let bed = Testbed::with_fleet(1, crate::IMAGE);
    let made = add(&bed, &json!({ "url": URL }));
    bed.stop(&bed.add_job("request", json!({})));
    bed.outbound.status.set(None);
    bed.sweep("b", &[]);
    bed.outbound.status.set(Some(StatusCode::OK));
    bed.sweep("b", &[]);
    assert_eq!(bed.outbound.requests.take().len(), 1);
    assert_eq!(try_out(&bed, &made).status(), StatusCode::OK);
    bed.sweep("b", &[]);
    assert_eq!(bed.outbound.requests.take().len(), 2);
    assert_eq!(bed.show(HOOKS)["hooks"][0]["pending"], 0);
}

#[test]
fn hooks_survive_every_fault() {
    let create = |bed: &Testbed, (): &()| post(bed, HOOKS, &json!({ "url": URL }));
    assert!(
        survives(&Scene { set: &Testbed::add_product, message: &create, is_repeatable: false }, &Fault::ALL)
            >= 10
    );
    let set = |bed: &Testbed| add(bed, &json!({ "url": URL }));
    let remove = |bed: &Testbed, made: &Value| {
        bed.operate(Method::DELETE, &format!("{HOOKS}/{}", made["hook"].as_str().unwrap()), "")
    };
    assert!(survives(&Scene { set: &set, message: &remove, is_repeatable: true }, &Fault::ALL) >= 10);
    assert!(survives(&Scene { set: &set, message: &try_out, is_repeatable: true }, &Fault::ALL) >= 3);
    let list = |bed: &Testbed, _: &Value| bed.operate(Method::GET, HOOKS, "");
    assert!(survives(&Scene { set: &set, message: &list, is_repeatable: true }, &Fault::ALL) >= 3);
}
