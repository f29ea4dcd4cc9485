//! Requests that guests send: the manifest's allow-list decides, one pooled
//! client for the whole host carries them. Redirects are not followed.

pub(crate) mod allow_list;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::grants::Grants;

/// Spin's own default is 600 s; a test host need not wait that long for a mistake.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
/// The most bytes of a body that a guest writes at once, and half of what waits behind them.
const CHUNK: usize = 128 * 1024;
/// Idle connections kept for one address.
const POOL: usize = 64;

/// The client that all guests share.
pub(crate) type Client = legacy::Client<HttpsConnector<HttpConnector>, WasiBody>;

/// A client with its pool, for http and https (with the roots of webpki).
pub(crate) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(POOL)
        .build(connector)
}

/// One guest's way out.
pub(crate) struct Outbound {
    grants: Arc<Grants>,
    client: Client,
}

type Answer = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl Outbound {
    /// Requests of a guest with these grants.
    pub(crate) fn new(grants: Arc<Grants>, client: Client) -> Self {
        Self { grants, client }
    }
}

impl WasiHttpHooks for Outbound {
    /// Two of these wait for a slow client, beside the one that its connection has.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    /// The client derives Host from the URL, without the default port.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        if !self.grants.allow_list.allows(request.uri()) {
            tracing::warn!(
                component = self.grants.id,
                to = origin(request.uri()),
                "refused a request that allowed_outbound_hosts does not permit"
            );
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(send(self.client.clone(), request, options.unwrap_or_default()))
    }
}

async fn send(client: Client, request: http::Request<WasiBody>, options: RequestOptions) -> Answer {
    // A pooled client connects on its own: the two waits are one here.
    let head =
        options.connect_timeout.unwrap_or_default() + options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let between = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let to = origin(request.uri());
    let response = tokio::time::timeout(head, client.request(request))
        .await
        .map_err(|_| Error::HttpResponseTimeout)?
        .map_err(|error| {
            tracing::warn!(to, ?error, "a guest's request failed");
            if error.is_connect() { Error::ConnectionRefused } else { Error::HttpProtocolError }
        })?;
    let response = response.map(|incoming| -> WasiBody {
        UnsyncBoxBody::new(Paced { incoming, between, deadline: Box::pin(tokio::time::sleep(between)) })
    });
    Ok((response, Box::new(async { Ok(()) })))
}

/// Scheme and authority: all of a URL that may be logged.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{scheme}://{authority}")
}

/// A response body that fails when nothing comes for too long.
struct Paced {
    incoming: Incoming,
    between: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) {
            this.deadline.as_mut().reset(Instant::now() + this.between);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        this.deadline.as_mut().poll(context).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
