//! A firmware download over HTTP as a device does it: asked again when it breaks off, for what is missing.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{CONTENT_RANGE, HeaderMap, RANGE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::message::Command;
use super::reception::{Fetched, Kept, Line, Manner, Reception};
use super::tally::Tally;

/// How often a download is tried before the device gives up.
const ATTEMPTS: u32 = 10;
/// How long the server may take to answer, and each piece to arrive.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause before another try, where the server names none.
const PAUSE: Duration = Duration::from_secs(1);
/// The pauses that a device takes, whatever the server says.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why a download did not bring the file.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum NoFirmware {
    /// The link is void: the grant lapsed, or the job stopped.
    #[error("the link is void")]
    Gone,
    /// It broke off where the device's part says so.
    #[error("broke off after {} bytes", .0.bytes())]
    BrokeOff(Kept),
    /// It was tried often enough.
    #[error("{0}")]
    Failed(String),
}

/// The devices' HTTP client; clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Downloader {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    line: Line,
    tally: Tally,
}

/// How one attempt ended without the file.
enum Refused {
    Gone,
    BrokeOff,
    /// Worth another try after this long.
    Later(Duration, String),
}

impl Downloader {
    pub(crate) fn new(line: Line, tally: Tally) -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1();
        Self { client: Client::builder(TokioExecutor::new()).build(connector.build()), line, tally }
    }

    /// Downloads what the command names.
    pub(crate) async fn fetch(&self, command: &Command, manner: Manner) -> Result<Fetched, NoFirmware> {
        let _downloads = self.tally.downloading();
        let mut reception = Reception::new(command, manner, self.line, self.tally.clone());
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match self.attempt(command, &mut reception).await {
                Ok(()) => return Ok(reception.finish()),
                Err(Refused::Gone) => return Err(NoFirmware::Gone),
                Err(Refused::BrokeOff) => return Err(NoFirmware::BrokeOff(reception.kept().clone())),
                Err(Refused::Later(pause, why)) => {
                    last = why;
                    sleep(pause).await;
                }
            }
        }
        Err(NoFirmware::Failed(last))
    }

    async fn attempt(&self, command: &Command, reception: &mut Reception) -> Result<(), Refused> {
        let start = reception.kept().bytes();
        if start > 0 && start >= command.size {
            return Ok(());
        }
        let mut request = Request::get(&command.file_url);
        if start > 0 {
            request = request.header(RANGE, format!("bytes={start}-"));
        }
        let request = request.body(Empty::new()).context("fileUrl is no address").map_err(again)?;
        let response = timeout(PATIENCE, self.client.request(request))
            .await
            .context("no answer in time")
            .and_then(|outcome| outcome.context("no connection"))
            .map_err(again)?;
        match response.status() {
            StatusCode::OK => reception.begin(Some(command)),
            StatusCode::PARTIAL_CONTENT if begins_at(&response, start) => {
                self.tally.resumed();
                reception.begin(None);
            }
            StatusCode::GONE => return Err(Refused::Gone),
            status => {
                let why = format!("the download was answered {status}");
                return Err(Refused::Later(pause(response.headers()), why));
            }
        }
        read(response.into_body(), reception).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn again(error: anyhow::Error) -> Refused {
    Refused::Later(PAUSE, format!("{error:#}"))
}

/// Whether what follows is what comes after the first `start` bytes.
fn begins_at<T>(response: &Response<T>, start: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    start > 0 && range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

/// How long the server wants to be left alone.
fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let (shortest, longest) = PAUSES;
    seconds.map_or(PAUSE, Duration::from_secs).clamp(shortest, longest)
}

async fn read(mut body: Incoming, reception: &mut Reception) -> Result<(), Refused> {
    loop {
        let frame = timeout(PATIENCE, body.frame()).await.context("the download stalled").map_err(again)?;
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.context("the download broke off").map_err(again)?;
        let Ok(data) = frame.into_data() else { continue };
        if !reception.take(&data).await {
            return Err(Refused::BrokeOff);
        }
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
