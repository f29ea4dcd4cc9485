//! Downloads through the host as HTTP has them: the answers without a body are where hosts go wrong.

use http::{HeaderMap, Method, StatusCode};
use ota_it::{Answer, Firmware, Operator, TestApp};
use serde_json::json;

const SIZE: usize = 300_000;

/// A device that was told where its firmware is.
struct Told {
    app: TestApp,
    operator: Operator,
    firmware: Firmware,
    job: String,
    path: String,
}

impl Told {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let firmware = Firmware::new("2", SIZE);
        let operator = app.product(&firmware).await;
        let mut device = app.device("pk", "dk", "1").await;
        let job = operator.job(&firmware, json!({})).await;
        let url = device.command().await.file_url;
        let path = url.strip_prefix(app.http.url()).unwrap().to_owned();
        Self { app, operator, firmware, job, path }
    }

    async fn ask(&self, method: Method, headers: &[(&'static str, &str)]) -> Answer {
        let mut request = self.app.http.request(method, &self.path, "");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        self.app.http.call(request).await
    }

    async fn get(&self, headers: &[(&'static str, &str)]) -> Answer {
        self.ask(Method::GET, headers).await
    }

    async fn begun(&self) -> bool {
        self.operator.show(&self.job).await["begun"] == 1
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn head_says_everything_sends_nothing_and_begins_nothing() {
    let told = Told::start().await;
    let head = told.ask(Method::HEAD, &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(header(&head.headers, "content-length"), SIZE.to_string());
    assert!(!told.begun().await);
    let get = told.get(&[]).await;
    assert!(get.body == told.firmware.bytes);
    for name in ["content-length", "etag", "accept-ranges", "cache-control", "content-type"] {
        assert_eq!(head.headers[name], get.headers[name], "{name}");
    }
    assert_eq!(header(&get.headers, "cache-control"), "private, no-store, no-transform");
    assert!(told.begun().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_modified_has_no_body_and_is_a_begin() {
    let told = Told::start().await;
    let etag = header(&told.ask(Method::HEAD, &[]).await.headers, "etag").to_owned();
    let same = told.get(&[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert!(told.begun().await, "the device has the bytes, and may flash them");
    let other = told.get(&[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_exact_and_what_is_none_is_416() {
    let told = Told::start().await;
    let etag = header(&told.ask(Method::HEAD, &[]).await.headers, "etag").to_owned();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=65535-65536", 65_535, 65_536),
        ("bytes=262143-262144", 262_143, 262_144),
        ("bytes=299999-", SIZE - 1, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        ("bytes=1-999999999", 1, SIZE - 1),
    ] {
        let part = told.get(&[("range", range), ("if-range", &etag)]).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part.headers, "content-range"), format!("bytes {first}-{last}/{SIZE}"));
        assert!(part.body == told.firmware.bytes[first..=last], "{range}");
    }
    for range in ["bytes=300000-", "bytes=-0"] {
        let none = told.get(&[("range", range)]).await;
        assert_eq!(none.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(header(&none.headers, "content-range"), format!("bytes */{SIZE}"));
    }
    let changed = told.get(&[("range", "bytes=5-"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (StatusCode::OK, SIZE), "the file changed: all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_nothing_once_a_character_of_it_is_another() {
    let told = Told::start().await;
    let (path, token) = told.path.split_once("?t=").unwrap();
    for at in [0, token.len() / 2, token.len() - 1] {
        let mut forged = token.to_owned().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = format!("{path}?t={}", String::from_utf8(forged).unwrap());
        assert_eq!(told.app.http.get(&forged).await.status, StatusCode::FORBIDDEN, "character {at}");
    }
    assert_eq!(told.app.http.get(path).await.status, StatusCode::UNAUTHORIZED);
    assert!(!told.begun().await);
}
