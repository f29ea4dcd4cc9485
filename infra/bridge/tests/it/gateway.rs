//! The gateway as a test scripts it: it records every request and answers as it was told, else as the real
//! one would in the simplest case.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::setup::{TOKEN, eventually};

/// A running gateway; dropping it ends it.
pub(crate) struct Gateway {
    address: SocketAddr,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// One answer to give.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16),
    Body(String),
    Headers(Vec<(&'static str, String)>, u16, String),
    /// Not before [`Gateway::release`]; then as the inner one.
    Held(Box<Answer>),
}

struct Script {
    calls: Mutex<Vec<Call>>,
    /// By the end of the path; the last answer of a list stays.
    answers: Mutex<HashMap<&'static str, VecDeque<Answer>>>,
    released: watch::Sender<bool>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            calls: Mutex::default(),
            answers: Mutex::default(),
            released: watch::Sender::new(false),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self { address, script, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests whose path ends so get these answers, the last one again and again.
    pub(crate) fn answer(&self, end: &'static str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.script.answers).insert(end, answers.into_iter().collect());
    }

    /// Lets go of every held answer, present and future.
    pub(crate) fn release(&self) {
        self.script.released.send_replace(true);
    }

    /// The requests so far whose path ends so.
    pub(crate) fn calls(&self, end: &str) -> Vec<Call> {
        lock(&self.script.calls).iter().filter(|call| call.path.ends_with(end)).cloned().collect()
    }

    pub(crate) async fn until_called(&self, end: &str, times: usize) -> Vec<Call> {
        eventually(&format!("{times} calls of {end}"), || self.calls(end).len() >= times).await;
        self.calls(end)
    }

    /// Every presence event so far as `connected pk/dk 1`.
    pub(crate) fn presence(&self) -> Vec<String> {
        let batches = self.calls("/mqtt/presence").into_iter().map(|call| call.json());
        let events = batches.flat_map(|batch| batch.as_array().unwrap().clone());
        events
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap().to_owned();
                format!("{} {}/{} {}", text("event"), text("product"), text("device"), event["session"])
            })
            .collect()
    }

    /// Every push id that sweeps reported as acknowledged, with repetitions.
    pub(crate) fn acknowledged(&self) -> Vec<String> {
        let sweeps = self.calls("/internal/sweep").into_iter().map(|call| call.json());
        let ids = sweeps.flat_map(|sweep| sweep["acknowledged"].as_array().unwrap().clone());
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Call {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Answer {
    pub(crate) fn body(body: impl Into<String>) -> Self {
        Self::Body(body.into())
    }

    pub(crate) fn held(self) -> Self {
        Self::Held(Box::new(self))
    }

    /// A sweep's or presence's answer with one command.
    pub(crate) fn command(key: &str, topic: &str, payload: &str) -> Self {
        let command = json!({"product": "pk", "device": key, "topic": topic, "payload": payload});
        Self::body(json!({"commands": [command], "more": false}).to_string())
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>) {
    // Connections end with the server, as they do when a process dies.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let service = service_fn(move |request| respond(request, Arc::clone(&script)));
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    script: Arc<Script>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let call = Call { path: head.uri.path().to_owned(), headers: head.headers, body };
    assert_eq!(call.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(call.header("x-ota-bridge").len(), 32);
    let mut answer = script.next(&call);
    lock(&script.calls).push(call);
    while let Answer::Held(inner) = answer {
        script.released.subscribe().wait_for(|released| *released).await.unwrap();
        answer = *inner;
    }
    let (headers, status, body) = match answer {
        Answer::Status(status) => (Vec::new(), status, String::new()),
        Answer::Body(body) => (Vec::new(), 200, body),
        Answer::Headers(headers, status, body) => (headers, status, body),
        Answer::Held(_) => unreachable!("unwrapped above"),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(body)).unwrap())
}

impl Script {
    fn next(&self, call: &Call) -> Answer {
        let mut answers = lock(&self.answers);
        let scripted = answers.iter_mut().find(|(end, _)| call.path.ends_with(*end));
        match scripted {
            Some((_, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some((_, answers)) => answers.front().unwrap().clone(),
            None => by_default(call),
        }
    }
}

/// Everyone who gives a user name `dk&pk` and the password `secret` is let in; every message is echoed.
fn by_default(call: &Call) -> Answer {
    match call.path.as_str() {
        "/mqtt/auth" => {
            let request = call.json();
            let (device, product) = request["username"].as_str().unwrap().split_once('&').unwrap();
            let answer = if request["password"] == "secret" {
                json!({"result": "allow", "product": product, "device": device, "acl": []})
            } else {
                json!({"result": "deny", "reason": "wrong signature"})
            };
            Answer::body(answer.to_string())
        }
        "/mqtt/presence" | "/internal/sweep" => Answer::body(r#"{"commands":[]}"#),
        _ => Answer::body(format!("reply to {}", String::from_utf8_lossy(&call.body))),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
