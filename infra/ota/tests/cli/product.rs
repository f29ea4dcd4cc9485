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
        "PRODUCT  DEVICES  FIRMWARE  UNKNOWN VERSIONS  SIGNATURES\n\
         demo          20         1  older             optional, 0 keys\n"
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
fn set_sends_what_is_named_and_says_what_holds() {
    let key = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let answer = format!(
        r#"{{"product":"demo","unknown_versions":"refuse","signing_keys":["{key}"],"requires_signature":true}}"#
    );
    let gateway = Script::once(&answer);
    let line = format!(
        "product set demo --unknown-versions refuse --signing-key {key} --require-signatures true --java-sdk false"
    );
    let stdout = run(&gateway.url, &words(&line)).succeeded();
    assert_eq!(
        stdout,
        format!(
            "product           demo\nunknown versions  devices with them get nothing\n\
             signatures        required, 1 key\nsigning key       {key}\njava sdk          no\n"
        )
    );
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "PATCH /api/v1/products/demo");
    let sent = serde_json::json!({
        "unknown_versions": "refuse", "signing_keys": [key], "requires_signature": true, "java_sdk": false
    });
    assert_eq!(asked.json(), sent);
}

#[test]
fn keys_are_taken_away_by_name_only() {
    let gateway = Script::once(r#"{"product":"demo"}"#);
    run(&gateway.url, &words("product set demo --no-signing-keys")).succeeded();
    assert_eq!(gateway.asked_once().json(), serde_json::json!({ "signing_keys": [] }));
    let stderr = run("http://127.0.0.1:9", &words("product set demo")).failed(2);
    assert!(stderr.contains("nothing is named"), "{stderr}");
}

#[test]
fn add_says_that_the_settings_of_what_is_there_stay() {
    let gateway = Script::once(r#"{"product":"demo","requires_signature":false}"#);
    let outcome = run(&gateway.url, &words("product add demo --require-signatures true"));
    assert!(outcome.stderr.contains("its settings stay"), "{}", outcome.stderr);
    assert!(outcome.succeeded().contains("signatures        optional, 0 keys\n"));
    let sent = serde_json::json!({ "product": "demo", "requires_signature": true });
    assert_eq!(gateway.asked_once().json(), sent);
}
