//! `fermyon:spin/sqlite`: values, transactions that end badly, the lock.

use std::time::{Duration, Instant};

use futures::future::join_all;
use ota_host::Limits;

use crate::app::App;

async fn counting(limits: Limits) -> App {
    let app = App::start_with(limits).await;
    app.text("/sql/init").await;
    app
}

#[tokio::test]
async fn every_type_goes_in_and_out() {
    let app = App::start().await;
    assert_eq!(
        app.text("/sql/types").await,
        r#"["i", "r", "t", "b", "n"] [Value::Integer(-9223372036854775808), Value::Real(0.5), Value::Text("äöü"), Value::Blob([0, 255, 1]), Value::Null]"#
    );
}

#[tokio::test]
async fn text_that_is_no_utf8_is_an_error_and_harms_nothing() {
    let app = App::start().await;
    assert!(app.error("/sql/bad-text").await.starts_with("Error::Io"));
    app.text("/sql/types").await;
}

#[tokio::test]
async fn a_database_that_the_manifest_does_not_grant_is_denied() {
    let app = App::start().await;
    assert_eq!(app.text("/sql/label?default").await, "open");
    assert_eq!(app.error("/sql/label?other").await, "Error::AccessDenied");
}

#[tokio::test]
async fn a_forgotten_transaction_is_rolled_back_at_the_end_of_its_request() {
    for requests_per_instance in [1, 100] {
        let app = counting(Limits { requests_per_instance, ..Limits::default() }).await;
        app.text("/sql/leak").await;
        let begun = Instant::now();
        app.text("/sql/increment").await;
        assert!(begun.elapsed() < Duration::from_secs(2), "the lock was held");
        assert_eq!(app.text("/sql/count").await, "1");
    }
}

#[tokio::test]
async fn a_trap_in_a_transaction_leaves_nothing() {
    let app = counting(Limits::default()).await;
    assert_eq!(app.get("/sql/trap").await.status, 500);
    let begun = Instant::now();
    app.text("/sql/increment").await;
    assert!(begun.elapsed() < Duration::from_secs(2), "the lock was held");
    assert_eq!(app.text("/sql/count").await, "1");
}

#[tokio::test]
async fn a_cap_is_exact_under_racing_transactions() {
    let app = counting(Limits::default()).await;
    let calls = (0..100).map(|_| app.text("/sql/capped?10"));
    let taken = join_all(calls).await.iter().filter(|n| *n == "1").count();
    assert_eq!(taken, 10);
    assert_eq!(app.text("/sql/count").await, "10");
}

#[tokio::test]
async fn hundreds_waiting_for_the_lock_do_not_starve_its_holder() {
    let app = counting(Limits::default()).await;
    let calls = (0..700).map(|_| app.get("/sql/increment"));
    let (held, answers) = tokio::join!(app.get("/sql/hold?300"), join_all(calls));
    assert_eq!(held.status, 200, "{}", held.text);
    // On a slow disk the last in the queue may reach the end of their patience.
    let added = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(added > 50, "{added} of 700");
    assert_eq!(app.text("/sql/count").await, (added + 1).to_string());
}

#[tokio::test]
async fn reads_do_not_wait_for_the_lock() {
    let app = counting(Limits::default()).await;
    let reading = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        assert_eq!(app.text("/sql/count").await, "0");
        begun.elapsed()
    };
    let (_, took) = tokio::join!(app.text("/sql/hold?1500"), reading);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn waiting_for_the_lock_ends_after_five_seconds() {
    let app = counting(Limits::default()).await;
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.error("/sql/increment").await
    };
    let (_, error) = tokio::join!(app.text("/sql/hold?6500"), waiting);
    assert!(error.contains("database is locked"), "{error}");
    assert_eq!(app.text("/sql/count").await, "1");
}

#[tokio::test]
async fn an_endless_statement_is_interrupted_with_its_guest() {
    let app = counting(Limits { response_head: Duration::from_millis(500), ..Limits::default() }).await;
    assert_eq!(app.get("/sql/endless").await.status, 504);
    app.text("/sql/increment").await;
    // A runtime that is dropped waits for its blocking threads: this test would hang.
}
