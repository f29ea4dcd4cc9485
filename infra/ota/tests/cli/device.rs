//! `ota device`.

use crate::program::{run, words};
use crate::script::Script;

const ADDED: &str = r#"{"product":"demo","device":"d-1","secret":"s3cretS3cret"}"#;

#[test]
fn add_without_a_secret_lets_the_gateway_make_one_and_shows_it() {
    let gateway = Script::new(vec![(201, ADDED.to_owned())]);
    let stdout = run(&gateway.url, &words("device add demo d-1")).succeeded();
    assert_eq!(stdout, "device  demo/d-1\nsecret  s3cretS3cret  (shown only now)\n");
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/products/demo/devices");
    assert_eq!(asked.json(), serde_json::json!({ "device": "d-1" }));
}

#[test]
fn add_passes_a_given_secret_on() {
    let gateway = Script::new(vec![(201, ADDED.to_owned())]);
    let stdout = run(&gateway.url, &words("device add demo d-1 --secret s3cretS3cret --json")).succeeded();
    assert_eq!(stdout.trim_end(), ADDED);
    let asked = gateway.asked_once().json();
    assert_eq!(asked, serde_json::json!({ "device": "d-1", "secret": "s3cretS3cret" }));
}

#[test]
fn list_goes_on_until_the_last_page() {
    let page = |device: &str, next: &str| {
        let device = format!(
            r#"{{"product":"demo","device":"{device}","version":null,"connected":false,"heard_at":null}}"#
        );
        (200, format!(r#"{{"devices":[{device}],"next":{next}}}"#))
    };
    let gateway = Script::new(vec![page("a:1", r#""a:1""#), page("b", "null")]);
    let stdout = run(&gateway.url, &words("device list demo --json")).succeeded();
    let list: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(list["devices"].as_array().map(Vec::len), Some(2));
    assert!(list["next"].is_null());
    let asked: Vec<_> = gateway.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        asked,
        [
            "GET /api/v1/products/demo/devices?limit=1000",
            "GET /api/v1/products/demo/devices?limit=1000&after=a:1"
        ]
    );
}

#[test]
fn a_page_that_leads_to_itself_ends_the_list() {
    let page = r#"{"devices":[],"next":"a"}"#.to_owned();
    let gateway = Script::new(vec![(200, page.clone()), (200, page)]);
    run(&gateway.url, &words("device list demo --json")).succeeded();
    assert_eq!(gateway.asked().len(), 2);
}

#[test]
fn show_tells_state_and_tasks_and_escapes_what_the_device_wrote() {
    let gateway = Script::once(
        r#"{"product":"demo","device":"d-1","version":"1.0","connected":true,"heard_at":0,"tasks":[
            {"task":"9","product":"demo","device":"d-1","state":"timed_out","step":35,"reason":null,
             "detail":"\u001b[2Jgone","attempt":1,"from":"1.0","exposed":true}]}"#,
    );
    let stdout = run(&gateway.url, &words("device show demo d-1")).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], "device     demo/d-1");
    assert_eq!(lines[2], "connected  yes");
    assert_eq!(lines[5], "TASK  STATE      FROM  STEP  ATTEMPT  EXPOSED  WHY");
    assert_eq!(lines[6], "   9  timed out  1.0     35        1  yes      \\u{1b}[2Jgone");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/products/demo/devices/d-1");
}
