//! Some components of an application, deployed alone beside the rest of it.

use http::Method;

use crate::app::{App, within};

#[tokio::test]
async fn a_part_answers_its_own_routes_and_no_others() {
    let whole = App::start().await;
    for path in ["/hello", "/handled"] {
        assert_eq!(whole.get(path).await.status, 200, "{path}");
    }
    let part = whole.beside(&["beside"]).await;
    assert_eq!(part.text("/handled").await, "1");
    assert_eq!(part.get("/hello").await.status, 404);
    assert_eq!(part.text("/.well-known/spin/health").await, "OK");
}

#[tokio::test]
async fn hosts_beside_each_other_share_their_stores() {
    let app = App::start().await;
    let there = app.beside(&["guest"]).await;
    app.call(Method::PUT, "/kv/default/k", "shared").await;
    assert_eq!(there.text("/kv/default/k").await, "shared");

    app.text("/sql/init").await;
    let increments = (0..20).map(|n| {
        let at = if n % 2 == 0 { &app } else { &there };
        at.text("/sql/increment")
    });
    within(futures::future::join_all(increments)).await;
    assert_eq!(app.text("/sql/count").await, "20");
}

#[tokio::test]
async fn stores_that_several_hosts_make_at_once_are_made_once() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let starts = (0..4).map(|_| {
        let mut settings = app.settings();
        settings.state_dir = folder.path().join("state");
        ota_host::start(settings)
    });
    for host in within(futures::future::join_all(starts)).await {
        host.unwrap().stop().await;
    }
}

#[tokio::test]
async fn a_part_that_is_none_is_refused_with_those_that_there_are() {
    let app = App::start().await;
    let mut settings = app.settings();
    settings.components = vec!["guset".to_owned()];
    let error = format!("{:#}", ota_host::start(settings).await.unwrap_err());
    assert!(error.contains("no component `guset`, there are beside, guest"), "{error}");
}
