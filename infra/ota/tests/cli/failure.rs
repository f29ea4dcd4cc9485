//! Each way to fail: its exit code, its message, its hint.

use std::net::TcpListener;

use crate::program::{command, run, words};
use crate::script::Script;

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let body =
        r#"{"error":{"code":"version_taken","message":"2.0 has other bytes","hint":"choose another"}}"#;
    let gateway = Script::new(vec![(409, body.to_owned())]);
    let stderr = run(&gateway.url, &words("product add p")).failed(1);
    assert_eq!(stderr, "error: 2.0 has other bytes (409 Conflict)\nhint: choose another\n");
}

#[test]
fn a_wrong_token_without_words_points_to_the_variable() {
    let gateway = Script::new(vec![(401, String::new())]);
    let stderr = run(&gateway.url, &words("job list")).failed(1);
    assert_eq!(last_line(&stderr), "hint: is OTA_TOKEN the operator token of this gateway?");
}

#[test]
fn what_is_no_gateway_is_said_to_be_none() {
    for (status, body) in [(404, "<html>"), (200, "<html>"), (200, "{}"), (302, "")] {
        let gateway = Script::new(vec![(status, body.to_owned())]);
        let stderr = run(&gateway.url, &words("product list")).failed(1);
        assert!(last_line(&stderr).starts_with("hint: "), "{status} {body}: {stderr}");
    }
}

#[test]
fn every_refusal_ends_with_a_hint() {
    let body = r#"{"error":{"code":"x","message":"no"}}"#;
    for status in [400, 401, 403, 404, 409, 413, 422, 429, 500, 503] {
        let gateway = Script::new(vec![(status, body.to_owned())]);
        let stderr = run(&gateway.url, &words("product list")).failed(1);
        assert!(last_line(&stderr).starts_with("hint: "), "{status}: {stderr}");
    }
}

#[test]
fn nobody_listening_is_exit_code_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stderr = run(&format!("http://{free}"), &words("product list")).failed(3);
    assert!(last_line(&stderr).contains("`ota up` starts one"), "{stderr}");
}

#[test]
fn an_answer_that_breaks_off_is_exit_code_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let closing = std::thread::spawn(move || drop(listener.accept()));
    run(&url, &words("product list")).failed(3);
    closing.join().unwrap();
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_calls_nobody() {
    let long = "k".repeat(65);
    for line in ["job create --to 2.0", "product add a/b", &format!("product add {long}"), "frobnicate", ""] {
        run("http://127.0.0.1:9", &words(line)).failed(2);
    }
    run("no address", &words("product list")).failed(2);
}

#[test]
fn a_missing_token_says_where_it_is_found() {
    let output = command().args(words("product list")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(last_line(&stderr).contains(".ota/secrets.toml"), "{stderr}");
}

#[test]
fn flags_go_before_the_environment() {
    let gateway = Script::once(r#"{"products":[]}"#);
    let line = format!("--url {} --token other product list --json", gateway.url);
    assert_eq!(run("http://127.0.0.1:9", &words(&line)).succeeded(), "{\"products\":[]}\n");
    assert_eq!(gateway.asked_once().headers["authorization"], "Bearer other");
}

#[test]
fn the_help_has_the_exit_codes_and_never_the_token() {
    let help = run("http://127.0.0.1:9", &["--help"]).succeeded();
    assert!(help.contains("Exit codes:") && !help.contains("operator-token"), "{help}");
}

#[test]
fn a_hostile_server_does_not_command_the_terminal() {
    let body = r#"{"error":{"code":"x","message":"\u001b]0;owned\u0007","hint":"\u001b[2J"}}"#;
    let gateway = Script::new(vec![(400, body.to_owned())]);
    let stderr = run(&gateway.url, &words("product list")).failed(1);
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}
