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
        r#"{"product":"demo","device":"d-1","version":"1.0","connected":true,"heard_at":0,"generation":2,"tags":["site:a"],"tasks":[
            {"task":"9","product":"demo","device":"d-1","state":"timed_out","step":35,"reason":null,
             "detail":"\u001b[2Jgone","attempt":1,"from":"1.0","exposed":true}]}"#,
    );
    let stdout = run(&gateway.url, &words("device show demo d-1")).succeeded();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], "device     demo/d-1 generation 2");
    assert_eq!(lines[2], "connected  yes");
    assert_eq!(lines[4], "tags       site:a");
    assert_eq!(lines[6], "TASK  STATE      FROM  STEP  ATTEMPT  EXPOSED  WHY");
    assert_eq!(lines[7], "   9  timed out  1.0     35        1  yes      \\u{1b}[2Jgone");
    assert_eq!(gateway.asked_once().line, "GET /api/v1/products/demo/devices/d-1");
}

#[test]
fn tag_sends_all_tags_of_a_device() {
    for (tags, sent) in [("site:a canary", &["site:a", "canary"][..]), ("--none", &[])] {
        let body = serde_json::json!({ "tags": sent });
        let gateway = Script::once(&body.to_string());
        let stdout = run(&gateway.url, &words(&format!("device tag demo d-1 {tags}"))).succeeded();
        let shown = if sent.is_empty() { "none".to_owned() } else { sent.join(", ") };
        assert_eq!(stdout, format!("device  demo/d-1\ntags    {shown}\n"));
        let asked = gateway.asked_once();
        assert_eq!(asked.line, "PUT /api/v1/products/demo/devices/d-1/tags");
        assert_eq!(asked.json(), body);
    }
    run("http://127.0.0.1:9", &words("device tag demo d-1")).failed(2);
}

#[test]
fn replace_shows_the_new_secret_and_the_generation() {
    let replaced = r#"{"product":"demo","device":"d-1","secret":"s3cretS3cret","generation":2}"#;
    let gateway = Script::once(replaced);
    let stdout = run(&gateway.url, &words("device replace demo d-1")).succeeded();
    assert_eq!(stdout, "device  demo/d-1 generation 2\nsecret  s3cretS3cret  (shown only now)\n");
    let asked = gateway.asked_once();
    assert_eq!(asked.line, "POST /api/v1/products/demo/devices/d-1/replace");
    assert_eq!(asked.json(), serde_json::json!({}));
}

#[test]
fn delete_names_the_device_that_is_gone() {
    let gateway = Script::new(vec![(204, String::new())]);
    assert_eq!(run(&gateway.url, &words("device delete demo d-1")).succeeded(), "deleted  demo/d-1\n");
    assert_eq!(gateway.asked_once().line, "DELETE /api/v1/products/demo/devices/d-1");
}
