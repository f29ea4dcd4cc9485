//! An HTTP client that hides nothing: every status is an answer, and a body may break off.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::wait::within;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct HttpClient {
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl HttpClient {
    /// A client of the server at `url`, `http://host:port`.
    pub fn new(url: String) -> Self {
        Self { url, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// GETs `path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(self.request(Method::GET, path, "")).await
    }

    /// POSTs `body` to `path`.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.call(self.request(Method::POST, path, body)).await
    }

    /// A request to add headers to.
    pub fn request(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let url = format!("{}{path}", self.url);
        Request::builder().method(method).uri(url).body(Full::new(body.into())).unwrap()
    }

    /// The whole answer to `request`.
    pub async fn call(&self, request: Request<Full<Bytes>>) -> Answer {
        let what = format!("the answer to {} {}", request.method(), request.uri());
        let answer = async {
            let (head, body) = self.send(request).await.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Answer { status: head.status, headers: head.headers, body }
        };
        within(&what, answer).await
    }

    /// The head of the answer to `request`; its body is still to come.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.client.request(request).await.unwrap()
    }
}

/// Each byte as `%XX`, so that it means nothing in a URL but itself.
pub fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + format!("%{byte:02X}").as_str())
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, of an answer with this status.
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
}
