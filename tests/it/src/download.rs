//! Downloads as devices make them: in one go, from an offset, and with a connection that breaks again and again.
//!
//! All of them follow a redirect, with the headers that they asked with.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use crate::http_client::{Answer, HttpClient};
use crate::wait::within;

/// What came of a download.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The status.
    pub status: StatusCode,
    /// Every byte that came.
    pub bytes: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the last of the bytes that Content-Length promised.
    Whole,
    /// Before that: the connection was cut.
    Cut,
    /// We had enough, and hung up.
    HungUp,
}

/// The whole answer to one request.
pub async fn ask(method: Method, url: &str, headers: &[(&'static str, &str)]) -> Answer {
    let client = HttpClient::new(String::new());
    let mut request = client.request(method, url, "");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let (head, body) = within("the head of a download", send(&client, request)).await.into_parts();
    let body = within("its body", body.collect()).await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

/// The whole file.
pub async fn fetch(url: &str) -> Received {
    receive(url, None, usize::MAX).await
}

/// The file from byte `first` on.
pub async fn fetch_from(url: &str, first: usize) -> Received {
    receive(url, Some(format!("bytes={first}-")), usize::MAX).await
}

/// The beginning of the file, `enough` bytes or a little more; then we hang up.
pub async fn fetch_some(url: &str, enough: usize) -> Vec<u8> {
    let received = receive(url, None, enough).await;
    assert_eq!((received.status, received.ending), (StatusCode::OK, Ending::HungUp));
    received.bytes
}

/// Begins a download and reads its head only. It lasts as long as what is returned is kept.
pub async fn stall(url: &str) -> Response<Incoming> {
    let client = HttpClient::new(String::new());
    let request = client.request(Method::GET, url, "");
    let response = within("the head of a download", send(&client, request)).await;
    assert_eq!(response.status(), StatusCode::OK);
    response
}

/// The whole file over a connection that breaks whenever `enough` bytes have come, as often as it takes.
pub async fn fetch_resuming(url: &str, size: usize, enough: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < size {
        let range = (!bytes.is_empty()).then(|| format!("bytes={}-", bytes.len()));
        let expected = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let received = receive(url, range, enough).await;
        assert_eq!(received.status, expected);
        assert_ne!(received.ending, Ending::Cut);
        bytes.extend(received.bytes);
    }
    bytes
}

/// Asks for `range`, or for everything, and hangs up once `enough` bytes have come.
async fn receive(url: &str, range: Option<String>, enough: usize) -> Received {
    // A client of its own: hanging up closes its one connection.
    let client = HttpClient::new(String::new());
    let mut request = client.request(Method::GET, url, "");
    if let Some(range) = range {
        request.headers_mut().insert("range", range.parse().unwrap());
    }
    let download = async {
        let (head, mut body) = send(&client, request).await.into_parts();
        let promised: usize = head.headers["content-length"].to_str().unwrap().parse().unwrap();
        let mut bytes = Vec::new();
        while bytes.len() < enough {
            match body.frame().await {
                Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap()),
                Some(Err(_)) => return Received { status: head.status, bytes, ending: Ending::Cut },
                None => {
                    assert_eq!(bytes.len(), promised);
                    return Received { status: head.status, bytes, ending: Ending::Whole };
                }
            }
        }
        Received { status: head.status, bytes, ending: Ending::HungUp }
    };
    within("a download", download).await
}

/// The answer to a request; where that is a redirect, what it leads to.
async fn send(client: &HttpClient, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let answer = client.send(request).await;
    if answer.status() != StatusCode::FOUND {
        return answer;
    }
    client.send(redirected(client, method, headers, &answer)).await
}

fn redirected(
    client: &HttpClient,
    method: Method,
    headers: HeaderMap,
    answer: &Response<Incoming>,
) -> Request<Full<Bytes>> {
    let mut request = client.request(method, answer.headers()[LOCATION].to_str().unwrap(), "");
    *request.headers_mut() = headers;
    request
}
