//! Routing, the headers a guest sees, variables, output, reuse.

use http::{HeaderValue, Method, header};
use http_body_util::BodyExt;
use ota_host::Limits;

use crate::app::{App, logged, within};

#[tokio::test]
async fn the_host_answers_its_own_health_path() {
    let app = App::start().await;
    assert_eq!(app.text("/.well-known/spin/health").await, "OK");
}

#[tokio::test]
async fn a_guest_answers_with_its_length() {
    let app = App::start().await;
    let answer = app.get("/hello").await;
    assert_eq!(answer.text, "hello");
    assert_eq!(answer.headers[header::CONTENT_LENGTH], "5");
}

#[tokio::test]
async fn spin_headers_come_behind_forged_ones_and_connection_is_gone() {
    let app = App::start().await;
    let mut request = app.request(Method::POST, "/request/a/b?q=1", bytes::Bytes::new());
    let headers = request.headers_mut();
    headers.insert("spin-path-match-first", HeaderValue::from_static("forged"));
    headers.insert("connection", HeaderValue::from_static("keep-alive"));
    let body = app.send(request).await.into_body();
    let seen = within(body.collect()).await.unwrap().to_bytes();
    let seen = String::from_utf8(seen.to_vec()).unwrap();
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[..2], ["POST", "Some(Scheme::Http)"]);
    let position = |line: &str| lines.iter().position(|seen| *seen == line);
    let forged = position("spin-path-match-first: forged").unwrap();
    assert!(forged < position("spin-path-match-first: a").unwrap());
    for line in [
        "spin-path-match-second: b",
        "spin-matched-route: /request/:first/:second",
        &format!("spin-full-url: {}/request/a/b?q=1", app.url),
    ] {
        assert!(position(line).is_some(), "{line} in {seen}");
    }
    assert!(!seen.to_lowercase().contains("\nconnection:"), "{seen}");
    assert!(!seen.to_lowercase().contains("\nhost:"), "{seen}");
}

#[tokio::test]
async fn a_component_sees_its_own_variables_only() {
    let app = App::start().await;
    assert_eq!(app.text("/variable/token").await, "Bearer t0ken");
    // Of the application, not of the component.
    assert!(app.error("/variable/unused").await.contains("Undefined"));
    assert_eq!(app.text("/environment").await, r#"[("COLOUR", "green")]"#);
}

#[tokio::test]
async fn what_a_guest_prints_is_logged_line_by_line() {
    let app = App::start().await;
    app.text("/print").await;
    let log = logged();
    for line in [
        "INFO guest: a line on stdout component=\"guest\"",
        "WARN guest: a part of a line on stderr component=\"guest\"",
        "INFO guest: no newline at the end component=\"guest\"",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
}

#[tokio::test]
async fn an_instance_is_used_again_up_to_its_limit() {
    let limits = Limits { requests_per_instance: 2, ..Limits::default() };
    let app = App::start_with(limits).await;
    let mut handled = Vec::new();
    for _ in 0..4 {
        handled.push(app.text("/handled").await);
    }
    assert_eq!(handled, ["1", "2", "1", "2"]);
}
