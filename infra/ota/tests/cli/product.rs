//! `ota product`.

use crate::program::{run, words};
use crate::script::Script;

#[test]
fn add_posts_the_key_with_the_operator_token() {
    let gateway = Script::new(vec![(201, r#"{"product":"pumps"}"#.to_owned())]);
    let stdout = run(&gateway.url, &words("product add pumps")).succeeded();
    assert_eq!(stdout, "product pumps\n");
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/products");
    assert_eq!(asked.headers["authorization"], "Bearer operator-token");
    assert_eq!(asked.json(), serde_json::json!({ "product": "pumps" }));
}

#[test]
fn list_is_a_table_for_people_and_the_rest_object_for_programs() {
    let answer = "{\n\"products\": [{\"product\":\"demo\",\"devices\":20,\"firmware\":1,\"unknown_versions\":\"older\",\"new\":true}]\n}";
    let gateway = Script::new(vec![(200, answer.to_owned()), (200, answer.to_owned())]);
    assert_eq!(
        run(&gateway.url, &words("product list")).succeeded(),
        "PRODUCT  DEVICES  FIRMWARE  UNKNOWN VERSIONS\ndemo          20         1  older\n"
    );
    let json = run(&gateway.url, &words("product list --json")).succeeded();
    assert_eq!(json.lines().count(), 1);
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read, serde_json::from_str::<serde_json::Value>(answer).unwrap());
    gateway.asked();
}

#[test]
fn an_empty_list_says_what_to_do_on_stderr() {
    let gateway = Script::once(r#"{"products":[]}"#);
    let outcome = run(&gateway.url, &words("product list"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(outcome.stderr.contains("ota product add"), "{}", outcome.stderr);
}

#[test]
fn set_says_what_the_setting_means() {
    let gateway = Script::once(r#"{"product":"demo","unknown_versions":"refuse"}"#);
    let stdout = run(&gateway.url, &words("product set demo --unknown-versions refuse")).succeeded();
    assert_eq!(stdout, "product demo: devices with unknown versions get nothing\n");
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "PATCH /api/v1/products/demo");
    assert_eq!(asked.json(), serde_json::json!({ "unknown_versions": "refuse" }));
}
