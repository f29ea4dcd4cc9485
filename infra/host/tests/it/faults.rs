//! Guests that misbehave end their own request and touch no other.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http::header;
use ota_host::Limits;

use crate::app::{App, logged};

#[tokio::test]
async fn a_trap_before_the_head_is_a_500_and_the_next_request_is_served() {
    let app = App::start().await;
    for fault in ["trap", "silence"] {
        assert_eq!(app.get(&format!("/fault/{fault}")).await.status, 500, "{fault}");
        assert_eq!(app.text("/hello").await, "hello");
    }
}

// One thread for everything: a guest that did not give way would stop the test.
#[tokio::test(flavor = "current_thread")]
async fn a_looping_guest_is_killed_at_its_time_out_while_others_go_on() {
    let app =
        App::start_with(Limits { response_head: Duration::from_millis(1_500), ..Limits::default() }).await;
    let begun = Instant::now();
    let (looping, served) = tokio::join!(app.get("/fault/loop"), async {
        let mut served = 0;
        while begun.elapsed() < Duration::from_secs(1) {
            app.text("/hello").await;
            served += 1;
        }
        served
    });
    assert_eq!(looping.status, 504);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(served > 10, "{served} requests beside the loop");
}

#[tokio::test]
async fn a_guest_that_stalls_in_mid_body_is_killed() {
    let app = App::start_with(Limits { idle: Duration::from_millis(500), ..Limits::default() }).await;
    let request = app.request(http::Method::GET, "/stream/loop", bytes::Bytes::new());
    let response = app.send(request).await;
    let body = crate::app::within(http_body_util::BodyExt::collect(response.into_body())).await;
    assert!(body.is_err());
}

#[tokio::test]
async fn an_interface_that_the_host_lacks_is_a_trap_when_it_is_called() {
    let app = App::start().await;
    assert_eq!(app.get("/redis").await.status, 500);
    assert!(logged().contains("does not provide fermyon:spin/redis@2.0.0#"));
    assert_eq!(app.text("/hello").await, "hello");
}

#[tokio::test]
async fn a_memory_hog_stops_at_its_limit() {
    let app = App::start_with(Limits { memory: 32 * 1024 * 1024, ..Limits::default() }).await;
    let mebibytes: usize = app.text("/fault/hog").await.parse().unwrap();
    assert!((16..32).contains(&mebibytes), "{mebibytes}");
    assert_eq!(app.text("/hello").await, "hello");
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_come_back() {
    let app =
        App::start_with(Limits { instances: 2, response_head: Duration::from_secs(2), ..Limits::default() })
            .await;
    let answers = join_all((0..6).map(|_| app.get("/fault/loop"))).await;
    let turned_away: Vec<_> = answers.iter().filter(|a| a.status == 503).collect();
    assert_eq!(turned_away.len(), 4);
    assert_eq!(turned_away[0].headers[header::RETRY_AFTER], "1");
    assert_eq!(app.text("/hello").await, "hello");
}
