//! A Postgres that is killed, locked or full: whoever asks is told when to come back, and what was answered stays.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use ota_it::{Firmware, TestApp, eventually, fetch_from, fetch_some};
use ota_postgres::Server;
use postgres::{Client, NoTls};
use serde_json::json;

/// Ends the database as a power cut does, and starts it again. Connections that were pooled are dead: a caller may be
/// told to come back, and is then served.
async fn power_cut(server: &mut Server, app: &TestApp) {
    server.kill().unwrap();
    server.restart().unwrap();
    app.until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_survives_kill_9_of_the_database_after_each_of_its_steps() {
    let mut server = Server::start().unwrap();
    let app = TestApp::start_over(server.database().unwrap()).await;
    let firmware = Firmware::new("2", 900_000);
    let operator = app.product(&firmware).await;
    let mut device = app.device("pk", "dk", "1").await;

    power_cut(&mut server, &app).await;
    let job = operator.job(&firmware, json!({ "loss_budget": 1 })).await;
    let command = device.command().await;

    power_cut(&mut server, &app).await;
    assert_eq!(device.progress(10).await, 200);
    let mut bytes = fetch_some(&command.file_url, 400_000).await;

    power_cut(&mut server, &app).await;
    bytes.extend(fetch_from(&command.file_url, bytes.len()).await.bytes);
    assert!(bytes == firmware.bytes, "the link that was given before opens the rest");
    assert_eq!(device.progress(80).await, 200);
    let before = operator.show(&job).await;
    assert_eq!((&before["exposed"], &before["in_flight"]), (&json!(1), &json!(1)));

    power_cut(&mut server, &app).await;
    assert_eq!(operator.show(&job).await, before, "nothing that was answered is lost");
    assert_eq!(device.inform("2").await, 200);
    let done = operator.until_done(&job).await;
    assert_eq!((&done["succeeded"], &done["exposed"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_says_while_the_database_is_away_is_answered_when_it_is_back() {
    let mut server = Server::start().unwrap();
    let app = TestApp::start_over(server.database().unwrap()).await;
    app.operator().product("pk").await;
    let mut device = app.device("pk", "dk", "1").await;
    server.kill().unwrap();
    // Its processes that serve connections end a moment after it.
    let operator = app.operator();
    let refused = eventually("the gateway says that the ledger is away", async || {
        let answer = operator.call(Method::GET, "/api/v1/products", "").await;
        (answer.status.as_u16() == 503).then_some(answer)
    });
    assert_eq!(refused.await.headers["retry-after"], "1");
    device.publish("inform", &json!({ "id": "away", "params": { "version": "2" } })).await;
    server.restart().unwrap();
    let reply = loop {
        let message = device.next().await;
        if message.json["id"] == "away" {
            break message.json;
        }
    };
    assert_eq!(reply["code"], 200, "{reply}");
    assert_eq!(operator.get("/api/v1/products/pk/devices/dk").await["version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_and_a_pool_that_is_full_are_503_until_the_lock_is_gone() {
    /// More than the pool has connections.
    const CALLERS: usize = 80;
    let database = Server::shared().unwrap().database().unwrap();
    let url = database.url.clone();
    let app = TestApp::start_over(database).await;
    let operator = app.operator();
    operator.product("pk").await;

    let (tell, told) = mpsc::channel();
    let (lock, release) = mpsc::channel::<()>();
    let locker = thread::spawn(move || {
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute("BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE").unwrap();
        tell.send(()).unwrap();
        // Until the test lets go, or fails.
        let _ = release.recv();
    });
    told.recv().unwrap();
    let begun = Instant::now();
    let answers = join_all((0..CALLERS).map(|_| operator.call(Method::GET, "/api/v1/products", ""))).await;
    for answer in answers {
        assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    drop(lock);
    locker.join().unwrap();
    app.until_ready().await;
}
