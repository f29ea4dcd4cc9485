//! `fermyon:spin/postgres` against a real server: values, what one request leaves to the next, the ends of waits.

use std::time::{Duration, Instant};

use futures::future::join_all;
use ota_host::Limits;
use ota_postgres::{Database, Identity, Server, Settings};

use crate::app::App;

/// A host that may reach one database, which is the test's own.
struct Connected {
    app: App,
    database: Database,
}

impl Connected {
    async fn start() -> Self {
        let database = Server::shared().unwrap().database().unwrap();
        let app = App::start_in(tempfile::tempdir().unwrap(), Limits::default(), &database.host()).await;
        Self { app, database }
    }

    async fn counting() -> Self {
        let connected = Self::start().await;
        connected.text("init").await;
        connected
    }

    async fn text(&self, behaviour: &str) -> String {
        self.app.text(&format!("/pg/{behaviour}?{}", self.database.url)).await
    }

    async fn error(&self, behaviour: &str) -> String {
        self.app.error(&format!("/pg/{behaviour}?{}", self.database.url)).await
    }
}

#[tokio::test]
async fn every_type_goes_in_and_out() {
    let connected = Connected::start().await;
    let answer = connected.text("types").await;
    let (columns, rows) = answer.split_once(" | ").unwrap();
    assert_eq!(
        columns,
        "o DbDataType::Boolean, s DbDataType::Int16, i DbDataType::Int32, b DbDataType::Int64, \
         r DbDataType::Floating32, d DbDataType::Floating64, t DbDataType::Str, y DbDataType::Binary, \
         n DbDataType::Other"
    );
    assert_eq!(
        rows,
        "[[DbValue::Boolean(true), DbValue::Int16(-1), DbValue::Int32(-2147483648), \
         DbValue::Int64(-9223372036854775808), DbValue::Floating32(0.5), DbValue::Floating64(0.25), \
         DbValue::Str(\"äöü\"), DbValue::Binary([0, 255, 1]), DbValue::Unsupported]]"
    );
}

#[tokio::test]
async fn null_goes_where_any_type_is() {
    let connected = Connected::start().await;
    let answer = connected.text("nulls").await;
    assert!(answer.ends_with("| [[DbValue::DbNull, DbValue::DbNull, DbValue::DbNull]]"), "{answer}");
}

#[tokio::test]
async fn a_parameter_has_the_type_of_its_place() {
    let connected = Connected::start().await;
    assert!(connected.error("unsigned").await.starts_with("Error::BadParameter"));
    assert!(connected.error("narrow").await.starts_with("Error::QueryFailed"));
}

#[tokio::test]
async fn a_query_without_rows_has_no_columns_and_a_statement_tells_how_many_rows_it_changed() {
    let connected = Connected::counting().await;
    assert_eq!(connected.text("nothing").await, "0 0");
    assert_eq!(connected.text("add").await, "1");
    assert_eq!(connected.text("count").await, "1");
}

#[tokio::test]
async fn a_transaction_left_open_is_the_next_ones_who_must_roll_back() {
    let connected = Connected::counting().await;
    let process = connected.text("process").await;
    connected.text("leak").await;
    assert_eq!(connected.text("count").await, "100", "what is not committed, on the same connection");
    assert_eq!(connected.text("count-after-rollback").await, "0");
    assert_eq!(connected.text("process").await, process, "the connection is used again");
}

#[tokio::test]
async fn a_connection_with_a_failed_transaction_is_not_used_again() {
    let connected = Connected::counting().await;
    let process = connected.text("process").await;
    connected.text("leak-failed").await;
    assert_eq!(connected.text("count").await, "0");
    assert_ne!(connected.text("process").await, process);
}

#[tokio::test]
async fn the_time_out_of_the_server_ends_a_transaction_left_open_with_its_locks() {
    let connected = Connected::counting().await;
    // Other options are another pool, and so another connection.
    let other = |behaviour: &str, options: &str| {
        format!("/pg/{behaviour}?{}?options=-c%20lock_timeout%3D3s{options}", connected.database.url)
    };
    connected.text("leak").await;
    let refused = connected.app.error(&other("add", "")).await;
    assert!(refused.contains("lock timeout"), "without a time-out the lock is held: {refused}");
    connected.text("count-after-rollback").await;

    let limited = "%20-c%20idle_in_transaction_session_timeout%3D1s";
    connected.app.text(&other("leak", limited)).await;
    let begun = Instant::now();
    assert_eq!(connected.app.text(&other("add", "")).await, "1");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Its own pool has dropped the connection that the server ended.
    assert_eq!(connected.app.text(&other("count", limited)).await, "1");
}

#[tokio::test]
async fn a_wait_for_a_connection_ends_with_an_error_and_holds_nobody_else_up() {
    let connected = Connected::start().await;
    let holding = join_all((0..64).map(|_| connected.text("hold")));
    let waiting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        let (refused, hello) = tokio::join!(connected.error("process"), async {
            connected.app.text("/hello").await;
            begun.elapsed()
        });
        assert!(refused.starts_with("Error::ConnectionFailed"), "{refused}");
        assert!(begun.elapsed() < Duration::from_millis(2_800), "{:?}", begun.elapsed());
        assert!(hello < Duration::from_secs(1), "{hello:?}");
    };
    tokio::join!(holding, waiting);
    connected.text("process").await;
}

#[tokio::test]
async fn a_host_that_is_not_on_the_list_is_refused_and_its_password_is_not_told() {
    let connected = Connected::start().await;
    for address in ["postgres://u:hunter2@127.0.0.1:1/d", "postgres://u:hunter2@localhost:5432/d"] {
        let refused = connected.app.error(&format!("/pg/open?{address}")).await;
        assert!(refused.contains("is not permitted") && !refused.contains("hunter2"), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let server = Server::start().unwrap();
    let database = server.database().unwrap();
    let app = App::start_in(tempfile::tempdir().unwrap(), Limits::default(), &database.host()).await;
    let path = format!("/pg/process?{}", database.url);
    app.text(&path).await;
    drop(database);
    drop(server);
    assert!(app.error(&path).await.starts_with("Error::"));
}

#[tokio::test]
async fn tls_is_verified_when_it_is_required() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let identity = Identity { certificate: certificate.clone(), key: made.signing_key.serialize_pem() };
    let server = Server::start_with(&Settings { identity: Some(identity), is_fast: true }).unwrap();
    let database = server.database().unwrap();
    let address = |mode: &str| format!("/pg/secure?{}?sslmode={mode}", database.url);

    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, certificate).unwrap();
    let trusting = App::start_trusting(&authorities, &database.host()).await;
    assert_eq!(trusting.text(&address("require")).await, "true");
    assert_eq!(trusting.text(&address("prefer")).await, "true");
    assert_eq!(trusting.text(&address("disable")).await, "false");

    let strict = App::start_in(tempfile::tempdir().unwrap(), Limits::default(), &database.host()).await;
    assert!(strict.error(&address("require")).await.starts_with("Error::ConnectionFailed"));
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_it_is_required() {
    let connected = Connected::start().await;
    let path = format!("/pg/secure?{}?sslmode=require", connected.database.url);
    assert!(connected.app.error(&path).await.starts_with("Error::ConnectionFailed"));
}
