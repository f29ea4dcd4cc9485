//! Starting and stopping.

use std::time::{Duration, Instant};

use ota_host::{Limits, Settings};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::app::{App, within};

#[tokio::test]
async fn stopping_takes_two_seconds_at_most_whatever_is_open() {
    let app = App::start().await;
    let mut idle = TcpStream::connect(app.address()).await.unwrap();
    let endless = app.request(http::Method::GET, "/fault/loop", bytes::Bytes::new());
    let looping = tokio::spawn({
        let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .build_http::<http_body_util::Full<bytes::Bytes>>();
        async move { client.request(endless).await }
    });
    app.text("/hello").await;
    let address = app.address().to_owned();
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // Cut off, or told to come back; never served.
    if let Ok(response) = within(looping).await.unwrap() {
        assert_eq!(response.status(), 503);
    }
    assert_eq!(within(idle.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_idle_host_stops_at_once() {
    let app = App::start().await;
    app.text("/hello").await;
    let begun = Instant::now();
    app.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_host_that_was_stopped_can_be_started_again_on_its_state() {
    let app = App::start().await;
    app.text("/sql/init").await;
    app.text("/sql/increment").await;
    let state = app.stop().await;
    let app = App::start_in(state, Limits::default(), "http://unset.invalid").await;
    assert_eq!(app.text("/sql/count").await, "1");
}

#[tokio::test]
async fn a_missing_component_says_how_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("spin.toml");
    let text = r#"
        spin_manifest_version = 2
        [application]
        name = "a"
        [[trigger.http]]
        route = "/"
        component = "c"
        [component.c]
        source = "missing.wasm"
        build.command = "make it"
    "#;
    std::fs::write(&manifest, text).unwrap();
    let mut settings = Settings::new(&manifest);
    settings.state_dir = folder.path().join("state");
    settings.listen.set_port(0);
    let error = ota_host::start(settings).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("missing.wasm") && error.contains("`make it`"), "{error}");
}

#[tokio::test]
async fn a_taken_address_is_an_error_that_names_it() {
    let app = App::start().await;
    let mut settings = app.settings();
    settings.listen = app.address().parse().unwrap();
    let error = format!("{:#}", ota_host::start(settings).await.unwrap_err());
    assert!(error.contains(app.address()), "{error}");
}

#[tokio::test]
async fn compiled_code_is_taken_from_the_cache() {
    let app = App::start().await;
    let cache = tempfile::tempdir().unwrap();
    let mut settings = app.settings();
    settings.cache_dir = Some(cache.path().to_owned());
    let mut took = Vec::new();
    for _ in 0..2 {
        let begun = Instant::now();
        let host = ota_host::start(settings.clone()).await.unwrap();
        took.push(begun.elapsed());
        host.stop().await;
    }
    assert!(took[1] < took[0] / 2, "{took:?}");
}
