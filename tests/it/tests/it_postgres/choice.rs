//! A ledger that cannot be followed closes every door, and nothing is decided elsewhere instead.

use ota_it::TestApp;

/// One request to each kind of component: what must be closed together.
const KNOCKS: [(&str, &str); 5] = [
    ("POST", "/topic/sys/pk/dk/ota/device/inform"),
    ("POST", "/internal/sweep"),
    ("POST", "/mqtt/auth"),
    ("GET", "/fleet/ota/2.bin?t=x"),
    ("GET", "/api/v1/products"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_followed_closes_every_door_and_names_its_variable() {
    for (variables, named) in [
        (&[("ledger", "postgres")][..], "POSTGRES_URL"),
        (&[("ledger", "postgres"), ("postgres_url", "host=127.0.0.1 user=ota")], "POSTGRES_URL"),
        (&[("ledger", "mysql")], "LEDGER"),
    ] {
        let app = TestApp::start_choosing(variables).await;
        for (method, path) in KNOCKS {
            let request = app.http.request(method.parse().unwrap(), path, "{}");
            let error = app.http.call(request).await.json(403);
            assert_eq!(error["error"]["code"], "closed", "{path}");
            let hint = error["error"]["hint"].as_str().unwrap();
            assert!(hint.ends_with(&format!("SPIN_VARIABLE_{named}")), "{path}: {hint}");
        }
        let decided = std::fs::metadata(app.state_dir().join("sqlite_db.db")).unwrap().len();
        assert!(decided <= 4096, "nothing is decided in SQLite instead");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_not_there_or_not_allowed_is_503_and_its_password_is_not_told() {
    let url = "postgres://ota:hunter2@127.0.0.1:1/ota";
    for host in ["postgres://127.0.0.1:1", "postgres://unset.invalid:5432"] {
        let chosen = [("ledger", "postgres"), ("postgres_url", url), ("postgres_host", host)];
        let app = TestApp::start_choosing(&chosen).await;
        let answer = app.operator().call(http::Method::GET, "/api/v1/products", "").await;
        assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
        assert!(!answer.text().contains("hunter2"));
    }
}
