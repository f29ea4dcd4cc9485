//! `fermyon:spin/key-value` over its file.

use http::Method;
use ota_host::Limits;

use crate::app::App;

#[tokio::test]
async fn a_value_is_set_read_replaced_and_deleted() {
    let app = App::start().await;
    assert_eq!(app.error("/kv/default/k").await, "absent");
    for value in ["one", "two", ""] {
        app.call(Method::PUT, "/kv/default/k", value).await;
        assert_eq!(app.text("/kv/default/k").await, value);
    }
    assert_eq!(app.text("/kv/default").await, "k");
    assert_eq!(app.call(Method::POST, "/kv/default/k", "").await.text, "true");
    app.call(Method::DELETE, "/kv/default/k", "").await;
    assert_eq!(app.call(Method::POST, "/kv/default/k", "").await.text, "false");
    assert_eq!(app.text("/kv/default").await, "");
}

#[tokio::test]
async fn values_outlive_the_host_in_spins_own_table() {
    let app = App::start().await;
    app.call(Method::PUT, "/kv/default/k", "kept").await;
    let state = app.stop().await;

    let file = state.path().join("state/sqlite_key_value.db");
    let found: (String, String, Vec<u8>) = rusqlite::Connection::open(file)
        .unwrap()
        .query_row("SELECT store, key, value FROM spin_key_value", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, ("default".into(), "k".into(), b"kept".to_vec()));

    let app = App::start_in(state, Limits::default(), "http://unset.invalid").await;
    assert_eq!(app.text("/kv/default/k").await, "kept");
}

#[tokio::test]
async fn a_store_that_the_manifest_does_not_grant_is_denied() {
    let app = App::start().await;
    assert_eq!(app.error("/kv/other").await, "Error::AccessDenied");
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let app = App::start().await;
    let paths: Vec<_> = (0..64).map(|n| format!("/kv/default/k{n}")).collect();
    let writes = paths.iter().map(|path| app.call(Method::PUT, path, "v"));
    for answer in futures::future::join_all(writes).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(app.text("/kv/default").await.split(' ').count(), 64);
}
