//! `ota hook`.

use serde_json::json;

use crate::program::{run, words};
use crate::script::Script;

const URL: &str = "https://hooks.example/ota";

fn hook(fields: &serde_json::Value) -> serde_json::Value {
    let mut hook = json!({
        "hook": "a1", "url": URL, "product": null, "kinds": ["held", "done"], "pending": 0, "delivered": 7,
        "delivered_at": 0, "given_up": 0, "failing_since": null, "last_error": null, "created_at": 0
    });
    hook.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    hook
}

#[test]
fn add_sends_only_what_was_asked_for_and_shows_the_secret() {
    let added = hook(&json!({"secret": "s3cretS3cretS3cret"})).to_string();
    let gateway = Script::new(vec![(201, added)]);
    let stdout = run(&gateway.url, &words(&format!("hook add {URL}"))).succeeded();
    assert_eq!(
        stdout,
        format!(
            "hook    a1\nurl     {URL}\ntells   held, done of all products\n\
             secret  s3cretS3cretS3cret  (shown only now)\n"
        )
    );
    let asked = gateway.asked_once();
    assert_eq!((asked.line.as_str(), asked.json()), ("POST /api/v1/hooks", json!({ "url": URL })));
}

#[test]
fn add_sends_every_term() {
    let added = hook(&json!({"secret": "x", "product": "demo"})).to_string();
    let gateway = Script::new(vec![(201, added.clone())]);
    let line = format!("hook add {URL} --product demo --kinds held,done --secret a-secret-of-ours --json");
    let stdout = run(&gateway.url, &words(&line)).succeeded();
    assert_eq!(stdout.trim_end(), added);
    let expected =
        json!({ "url": URL, "product": "demo", "kinds": ["held", "done"], "secret": "a-secret-of-ours" });
    assert_eq!(gateway.asked_once().json(), expected);
}

#[test]
fn list_says_what_does_not_arrive_since_when_and_why() {
    let hooks = json!({"hooks": [
        hook(&json!({})),
        hook(&json!({"hook": "b2", "product": "demo", "pending": 3, "failing_since": 0,
            "last_error": "the receiver answered 500\u{1b}[2J"})),
        hook(&json!({"hook": "c3", "pending": 1, "given_up": 2, "last_error": "the receiver answered 400"})),
    ]});
    let gateway = Script::once(&hooks.to_string());
    let stdout = run(&gateway.url, &words("hook list")).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with("HOOK  PRODUCT  KINDS"), "{stdout}");
    assert!(lines[1].contains("  ok  ") && lines[1].ends_with(URL), "{stdout}");
    assert!(lines[2].contains("failing, first ") && lines[2].contains("500\\u{1b}[2J"), "{stdout}");
    assert!(lines[3].contains("one message fails: the receiver answered 400"), "{stdout}");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/hooks");
}

#[test]
fn an_empty_list_says_how_to_add_a_hook() {
    let gateway = Script::once(r#"{"hooks":[]}"#);
    let outcome = run(&gateway.url, &words("hook list"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(outcome.stderr.contains("`ota hook add URL` makes one"), "{}", outcome.stderr);
}

#[test]
fn test_tells_what_the_receiver_answered() {
    let gateway = Script::once(r#"{"hook":"a1","status":204}"#);
    assert_eq!(run(&gateway.url, &words("hook test a1")).succeeded(), "the receiver answered 204\n");
    assert_eq!(gateway.asked_once().line, "POST /api/v1/hooks/a1/test");
}

#[test]
fn a_test_that_does_not_arrive_fails_and_says_why() {
    let refusal = json!({"error": {"code": "not_delivered", "message": "the receiver answered 500",
        "hint": "is the receiver running?"}});
    let gateway = Script::new(vec![(422, refusal.to_string())]);
    let stderr = run(&gateway.url, &words("hook test a1")).failed(1);
    assert!(stderr.contains("the receiver answered 500") && stderr.contains("is the receiver running?"));
    gateway.asked_once();
}

#[test]
fn remove_names_the_hook_that_is_gone() {
    let gateway = Script::once(r#"{"hook":"a/1","removed":true}"#);
    assert_eq!(run(&gateway.url, &words("hook remove a/1")).succeeded(), "removed  a/1\n");
    assert_eq!(gateway.asked_once().line, "DELETE /api/v1/hooks/a%2F1");
}
