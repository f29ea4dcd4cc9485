//! An operator's system that hooks tell of what happens: it checks each signature as the README says, by the same
//! means as anybody would.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::address::free_address;

/// An address, and whoever listens there: nobody, until [`Receiver::start`].
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    server: Option<JoinHandle<()>>,
}

/// A message whose signature was right, and what it was answered.
#[derive(Debug, Clone)]
pub struct Taken {
    /// `x-ota-delivery`.
    pub delivery: String,
    /// `x-ota-signature`.
    pub signature: String,
    /// What it says, as it came.
    pub bytes: Bytes,
    /// What it says.
    pub body: Value,
    /// The answer.
    pub status: StatusCode,
}

#[derive(Debug, Default)]
struct Shared {
    secret: String,
    answers: VecDeque<StatusCode>,
    taken: Vec<Taken>,
}

impl Receiver {
    /// Nobody listens yet.
    pub fn new() -> Self {
        Self { address: free_address(), shared: Arc::default(), server: None }
    }

    /// `http://host:port`.
    pub fn host(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Listens from now on: a message signed with `secret` is answered with the next of `answers`, once they are used
    /// up with 204, and any other with 401.
    pub async fn start(&mut self, secret: &str, answers: &[StatusCode]) {
        {
            let mut shared = self.shared.lock().unwrap();
            secret.clone_into(&mut shared.secret);
            shared.answers = answers.iter().copied().collect();
        }
        let listener = TcpListener::bind(self.address).await.unwrap();
        let shared = Arc::clone(&self.shared);
        self.server = Some(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                // A caller that hangs up is no failure of the receiver.
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        }));
    }

    /// Every message so far, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.lock().unwrap().taken.clone()
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn answer(
    shared: Arc<Mutex<Shared>>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut shared = shared.lock().unwrap();
    let status = if is_signed(&head.headers, &body, &shared.secret) {
        let status = shared.answers.pop_front().unwrap_or(StatusCode::NO_CONTENT);
        let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
        shared.taken.push(Taken {
            delivery: header("x-ota-delivery"),
            signature: header("x-ota-signature"),
            body: serde_json::from_slice(&body).unwrap(),
            bytes: body,
            status,
        });
        status
    } else {
        StatusCode::UNAUTHORIZED
    };
    Ok(Response::builder().status(status).body(Empty::new()).unwrap())
}

/// `x-ota-signature: t=<seconds>,v1=<hex>`: the HMAC-SHA256 of `<seconds>.<body>`, not older than 5 minutes.
#[expect(clippy::disallowed_methods, reason = "a receiver has only the clock of its own machine")]
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
    let signature = headers.get("x-ota-signature").and_then(|value| value.to_str().ok());
    let parts = signature.and_then(|text| text.strip_prefix("t=")?.split_once(",v1="));
    let Some((at, v1)) = parts else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let is_fresh = at.parse::<u64>().is_ok_and(|at| now.abs_diff(at) <= 300);
    is_fresh && hex::decode(v1).is_ok_and(|v1| mac.verify_slice(&v1).is_ok())
}
