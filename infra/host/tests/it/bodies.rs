//! Streaming both ways, and bodies that end before their time.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, logged, within};

const MEBIBYTE: usize = 1024 * 1024;

#[tokio::test]
async fn a_large_body_streams_out_whole() {
    let app = App::start().await;
    let path = format!("/stream/whole?{}", 300 * MEBIBYTE);
    let request = app.request(Method::GET, &path, Bytes::new());
    let mut body = app.send(request).await.into_body();
    let mut received = 0;
    while let Some(frame) = within(body.frame()).await {
        received += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    // More than the guest could hold.
    assert_eq!(received, 300 * MEBIBYTE);
}

#[tokio::test]
async fn a_large_body_streams_in_and_back() {
    let app = App::start().await;
    let sent = Bytes::from(vec![7; 20 * MEBIBYTE]);
    let request = app.request(Method::POST, "/echo", sent.clone());
    let received = app.send(request).await.into_body();
    let received = within(received.collect()).await.unwrap().to_bytes();
    assert!(received == sent, "{} bytes", received.len());
}

#[tokio::test]
async fn a_slow_reader_holds_the_guest_back() {
    let app = App::start().await;
    let bytes = 1024 * MEBIBYTE;
    let mut stream = request(&app, &format!("GET /stream/whole?{bytes}")).await;
    let mut head = [0; 4096];
    within(stream.read_exact(&mut head)).await.unwrap();
    let before = resident();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Sockets, pieces under way and the tests beside this one: nothing like a gibibyte.
    let grown = resident().saturating_sub(before);
    assert!(grown < 300 * MEBIBYTE, "{grown} bytes");
    drop(stream);
    // The guest notices that its reader is gone.
    within(async {
        while !logged().contains("stream ended early") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_trap_in_mid_body_is_visible_to_the_client() {
    let app = App::start().await;
    // Without a length real Spin ends the body as if it were whole; this host does not.
    for kind in ["trap", "chunked-trap", "short"] {
        let path = format!("/stream/{kind}?{MEBIBYTE}");
        let request = app.request(Method::GET, &path, Bytes::new());
        let response = app.send(request).await;
        assert_eq!(response.status(), 200);
        let body = within(response.into_body().collect()).await;
        assert!(body.is_err(), "{kind}");
    }
    assert_eq!(app.text("/hello").await, "hello");
}

#[tokio::test]
async fn answers_without_a_body_keep_their_headers() {
    let app = App::start().await;
    let head = app.call(Method::HEAD, "/stream/head", "").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers[header::CONTENT_LENGTH], "123456");
    for (path, status) in [("/stream/not-modified", 304), ("/stream/no-content", 204)] {
        let answer = app.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (status, ""));
    }
}

#[tokio::test]
async fn a_kept_connection_works_after_head_and_304() {
    let app = App::start().await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let requests = ["HEAD /stream/head", "GET /stream/not-modified", "GET /hello"]
        .map(|line| format!("{line} HTTP/1.1\r\nhost: h\r\n\r\n"));
    stream.write_all(requests.concat().as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    within(async {
        while !seen.ends_with(b"\r\n\r\nhello") {
            seen.push(stream.read_u8().await.unwrap());
        }
    })
    .await;
    assert_eq!(String::from_utf8_lossy(&seen).matches("HTTP/1.1 ").count(), 3);
}

/// Sends a request and reads nothing.
async fn request(app: &App, line: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nhost: h\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Bytes of memory this process has in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes = line.split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1024
}
