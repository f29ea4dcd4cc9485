//! Requests that guests send.

use std::net::SocketAddr;

use ota_host::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::App;

/// Answers every request with what its head was, on one connection after another.
async fn mirror() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", head.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.write_all(&head).await.unwrap();
            });
        }
    });
    address
}

async fn app(allowed: &str) -> App {
    App::start_in(tempfile::tempdir().unwrap(), Limits::default(), allowed).await
}

#[tokio::test]
async fn an_allowed_host_is_reached() {
    let server = mirror().await;
    let app = app(&format!("http://{server}")).await;
    let answer = app.text(&format!("/fetch?http://{server}/path?x=1")).await;
    assert!(answer.starts_with("201 GET /path?x=1 HTTP/1.1\r\n"), "{answer}");
    assert!(answer.contains(&format!("host: {server}\r\n")), "{answer}");
}

#[tokio::test]
async fn another_host_port_or_scheme_is_denied() {
    let server = mirror().await;
    let app = app(&format!("http://{server}")).await;
    for url in [
        format!("https://{server}/"),
        format!("http://localhost:{}/", server.port()),
        "http://127.0.0.1:1/".to_owned(),
    ] {
        let error = app.error(&format!("/fetch?{url}")).await;
        assert!(error.contains("ErrorCode::HttpRequestDenied"), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_host_that_is_down_is_an_error_of_the_guest() {
    let server = mirror().await;
    // Nobody listens on a port that was just given back.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = free.local_addr().unwrap();
    drop(free);
    assert_ne!(server, down);
    let app = app(&format!("http://{down}")).await;
    let error = app.error(&format!("/fetch?http://{down}/")).await;
    assert!(error.contains("ErrorCode::ConnectionRefused"), "{error}");
}
