//! The gateway for tests of components: all of them behind the routes of `spin.toml`, natively, over stores that
//! count, fail and can be looked into, and under a clock that the test turns.
//!
//! A request goes in as the host would pass it, a response comes out as the host would get it; nothing here decides.
//! For what only tests make of it, it fails by panicking.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what goes wrong here fails the test that runs it"
)]

mod device;
mod fault;
mod operator;
mod routes;
mod state;
mod stores;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::executor::block_on;
use futures::stream;
use http::StatusCode;
use http::header::RETRY_AFTER;
use ota_firmware::Download;
use ota_ledger::Dialect;
use ota_platform::native::{NativeTransport, Recorder, World};
use ota_platform::ports::{Clock, SystemRandom};
use ota_platform::request::{CONTROL_BODY, ENVELOPE_BODY};
use ota_platform::{Gateway, Request, Response};
use serde_json::Value;
use sha2::Digest as _;

pub use device::{Device, Told, path_of};
pub use fault::{Fault, Scene, survives};
pub use operator::{PRODUCT, image};
pub use routes::{Component, ROUTES, component_of};
pub use stores::{Database, KeyValues};

/// The clock of a fresh testbed (ms).
pub const START: i64 = 1_800_000_000_000;

/// One gateway. Its stores are empty: the schema comes with the first decision.
pub struct Testbed {
    /// The ledger's database.
    pub sql: Database,
    /// The key-value store.
    pub kv: KeyValues,
    /// All that have to be set.
    pub variables: BTreeMap<String, String>,
    /// The broker beside us.
    pub outbound: Recorder,
    /// The way to a bucket, if there is one.
    pub transport: NativeTransport,
    clock: Rc<Cell<i64>>,
}

/// A response whose body was streamed, as its client sees it.
pub struct Streamed {
    /// Its head, and the bytes that came.
    pub response: Response,
    /// Whether the connection was cut off before the last byte.
    pub is_cut: bool,
}

impl Testbed {
    /// A gateway with every door's key set.
    #[expect(clippy::new_without_default, reason = "it opens a database")]
    pub fn new() -> Self {
        let World { sql, kv, variables, outbound, transport } = World::new().unwrap();
        let clock = Rc::new(Cell::new(START));
        Self {
            sql: Database::new(sql, Rc::clone(&clock)),
            kv: KeyValues::new(kv),
            variables,
            outbound,
            transport,
            clock,
        }
    }

    /// The gateway that components see.
    pub fn gateway(&self) -> Gateway<'_> {
        Gateway {
            sql: &self.sql,
            dialect: Dialect::SQLITE,
            kv: &self.kv,
            variables: &self.variables,
            random: &SystemRandom,
            clock: self,
            outbound: &self.outbound,
            transport: &self.transport,
        }
    }

    /// Lets time pass, for the ledger and for everybody.
    pub fn pass(&self, ms: i64) {
        self.clock.set(self.clock.get() + ms);
    }

    /// Sends a request to the component that `spin.toml` routes it to; 404 where it routes to none.
    ///
    /// Whatever is asked: the answer is never a 500, a 503 says when to try again, and no answer holds a key.
    pub fn send(&self, request: &Request) -> Response {
        match component_of(request.uri().path()) {
            Some(component) => self.send_to(component, request),
            None => ota_platform::response::empty(StatusCode::NOT_FOUND),
        }
    }

    /// Sends a request to a component, wherever `spin.toml` would send it.
    pub fn send_to(&self, component: Component, request: &Request) -> Response {
        let gateway = self.gateway();
        let whole = |limit, handle: fn(&Gateway<'_>, &Request) -> Response| {
            let mut request = request.clone();
            request.body_mut().truncate(limit + 1);
            handle(&gateway, &request)
        };
        let response = match component {
            Component::Inform => whole(ENVELOPE_BODY, ota_inform::handle),
            Component::Progress => whole(ENVELOPE_BODY, ota_progress::handle),
            Component::Getversion => whole(ENVELOPE_BODY, ota_getversion::handle),
            Component::Upgrade => whole(CONTROL_BODY, ota_upgrade::handle),
            Component::Access => whole(CONTROL_BODY, ota_access::handle),
            Component::Operator if ota_operator::streamed(request).is_some() => {
                let chunks = request.body().chunks(CHUNK).map(|chunk| Ok(chunk.to_vec()));
                block_on(ota_operator::stream(&gateway, request, stream::iter(chunks)))
            }
            Component::Operator => whole(CONTROL_BODY, ota_operator::handle),
            Component::Firmware => self.download(request).response,
        };
        self.sql.disconnect();
        self.check(request, &response);
        response
    }

    /// Sends a request to the component `firmware`, and takes what it streams.
    pub fn download(&self, request: &Request) -> Streamed {
        self.download_while(request, |_| {})
    }

    /// The same; `between` is called before each piece of the body, with the bytes that came so far.
    pub fn download_while(&self, request: &Request, between: impl Fn(&[u8])) -> Streamed {
        let gateway = self.gateway();
        let streamed = match ota_firmware::open(&gateway, request) {
            Download::Answer(response) => Streamed { response, is_cut: false },
            Download::Stream(mut response, mut body) => loop {
                between(response.body());
                match body.next() {
                    Some(Some(piece)) => response.body_mut().extend(piece),
                    Some(None) => break Streamed { response, is_cut: true },
                    None => {
                        body.complete();
                        break Streamed { response, is_cut: false };
                    }
                }
            },
        };
        self.sql.disconnect();
        self.check(request, &streamed.response);
        streamed
    }

    fn check(&self, request: &Request, response: &Response) {
        let asked = format!("{} {}", request.method(), request.uri());
        let status = response.status();
        assert!(
            status.as_u16() < 500 || status == StatusCode::SERVICE_UNAVAILABLE,
            "{asked} was answered {status}"
        );
        assert_eq!(
            status == StatusCode::SERVICE_UNAVAILABLE,
            response.headers().contains_key(RETRY_AFTER),
            "{asked} was answered {status} with retry-after {:?}",
            response.headers().get(RETRY_AFTER)
        );
        let is_said = |key: &str| {
            !key.is_empty() && response.body().windows(key.len()).any(|window| window == key.as_bytes())
        };
        for (name, value) in &self.variables {
            // Presigned URLs name the key that they are signed with, and the session that it is of.
            let is_in_urls = ["s3_access_key", "s3_session_token"].contains(&name.as_str());
            let is_secret = (name.ends_with("_token") || name.ends_with("_key")) && !is_in_urls;
            assert!(!is_secret || response.body().len() > CHUNK || !is_said(value), "{asked} tells {name}");
        }
    }
}

impl Clock for Testbed {
    fn now_ms(&self) -> i64 {
        self.clock.get()
    }
}

/// The body of a response, as JSON.
pub fn json(response: &Response) -> Value {
    serde_json::from_slice(response.body())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(response.body())))
}

/// The SHA-256 of `bytes`, in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// How an uploaded body is cut for its component.
const CHUNK: usize = 60_000;
