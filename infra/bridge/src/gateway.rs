//! The HTTP client to the gateway's components: one POST at a time in, one of four outcomes out.
//! What an outcome means for a device is decided by the caller; here is only how to get one, bounded in
//! time, in size and in number.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::Settings;
use crate::bridge_id::BridgeId;
use crate::metrics::Metrics;

/// The largest answer read; the longest are the commands of a sweep.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// A refused token concerns every device: said once per this span, counted always.
const ALARM_EVERY: Duration = Duration::from_secs(10);
const BRIDGE: HeaderName = HeaderName::from_static("x-ota-bridge");

/// The gateway as the bridge sees it.
pub(crate) struct Gateway {
    client: Client<HttpConnector, Full<Bytes>>,
    authority: Authority,
    authorization: HeaderValue,
    bridge: HeaderValue,
    timeout: Duration,
    devices: Semaphore,
    alarmed: Mutex<Option<Instant>>,
    metrics: Arc<Metrics>,
}

/// What came of one request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// 200 or 204.
    Answered(Response<Bytes>),
    /// 429, 503, no connection, no answer in time: worth trying again, not before `after`.
    Later { reason: String, after: Option<Duration> },
    /// 401 or 403: the bridge token is wrong; an operator has to act.
    TokenRefused(StatusCode),
    /// Any other status: a bug on either side.
    Unexpected(StatusCode),
}

impl Gateway {
    /// # Errors
    /// The address is not `http://host:port`, or the token is empty or no header value.
    pub(crate) fn new(settings: &Settings, bridge: &BridgeId, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        if settings.token.is_empty() {
            bail!("the bridge token is empty: set the one that the gateway has as bridge_token");
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", settings.token))
            .map_err(|_| anyhow::anyhow!("the bridge token has characters that no header may have"))?;
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(settings.request_timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Ok(Self {
            client,
            authority: authority(&settings.gateway)?,
            authorization,
            bridge: HeaderValue::try_from(bridge.as_str()).context("bridge id")?,
            timeout: settings.request_timeout,
            devices: Semaphore::new(settings.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            alarmed: Mutex::new(None),
            metrics,
        })
    }

    /// The right to one request on behalf of a device; waits while `max_in_flight` are under way.
    /// `None` only if the semaphore were closed, which nothing does.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.devices.acquire().await.ok()
    }

    /// Posts `body` to `path`, at most `request_timeout` long.
    pub(crate) async fn post(&self, path: &str, headers: HeaderMap, body: Bytes) -> Outcome {
        self.metrics.requests.count();
        let request = match self.request(path, headers, body) {
            Ok(request) => request,
            Err(error) => return Outcome::Later { reason: error.to_string(), after: None },
        };
        match timeout(self.timeout, self.exchange(request)).await {
            Ok(Ok(response)) => self.judge(response),
            Ok(Err(reason)) => Outcome::Later { reason, after: None },
            Err(_) => Outcome::Later { reason: format!("no answer within {:?}", self.timeout), after: None },
        }
    }

    fn request(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::try_from(path)?)
            .build()?;
        let mut request = Request::post(uri).body(Full::new(body))?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(BRIDGE, self.bridge.clone());
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| chain(&*error))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    fn judge(&self, response: Response<Bytes>) -> Outcome {
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Outcome::Answered(response),
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                Outcome::Later { reason: status.to_string(), after: retry_after(response.headers()) }
            }
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                self.alarm(status);
                Outcome::TokenRefused(status)
            }
            status => Outcome::Unexpected(status),
        }
    }

    fn alarm(&self, status: StatusCode) {
        self.metrics.tokens_refused.count();
        let mut alarmed = self.alarmed.lock().unwrap_or_else(PoisonError::into_inner);
        if alarmed.is_none_or(|at| at.elapsed() >= ALARM_EVERY) {
            *alarmed = Some(Instant::now());
            tracing::error!(%status, "the gateway refuses the bridge token: no message is processed until they agree");
        }
    }
}

fn authority(gateway: &str) -> anyhow::Result<Authority> {
    let uri: Uri = gateway.parse().with_context(|| format!("gateway address {gateway:?}"))?;
    let has_path = !matches!(uri.path(), "" | "/") || uri.query().is_some();
    match uri.authority() {
        Some(authority) if uri.scheme() == Some(&Scheme::HTTP) && !has_path => Ok(authority.clone()),
        _ => bail!("gateway address {gateway:?} is not of the form http://host:port"),
    }
}

/// `Retry-After` in seconds; its form with a date needs a clock and is not sent by the components.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// An error with its causes: hyper's outermost says only "client error".
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_http_address_is_a_gateway() {
        assert_eq!(authority("http://127.0.0.1:3000").unwrap().as_str(), "127.0.0.1:3000");
        assert_eq!(authority("http://gateway/").unwrap().as_str(), "gateway");
        for wrong in
            ["", "gateway:3000", "https://gateway", "http://gateway/path", "http://gateway?x=1", "/x"]
        {
            assert!(authority(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_bridge_without_a_token_is_refused() {
        let settings = Settings::default();
        let refused = Gateway::new(&settings, &BridgeId::from_text("b"), Arc::default()).err().unwrap();
        assert!(refused.to_string().contains("bridge_token"), "{refused}");
    }

    #[test]
    fn retry_after_is_read_in_seconds_only() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::try_from(value).unwrap());
            retry_after(&headers)
        };
        assert_eq!(with("3"), Some(Duration::from_secs(3)));
        assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(with("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
