//! A firmware download as a device does it: streamed through the digest, never held whole.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{StatusCode, Uri, header::RETRY_AFTER};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::message::Command;

/// How often a download is tried before the device gives up.
const ATTEMPTS: u32 = 10;
/// How long the server may take to answer, and each piece to arrive.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest a device waits before it tries again, whatever the server says.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) bytes: u64,
    /// Lower-case hex, by the method that the command names.
    pub(crate) digest: String,
}

/// Why nothing arrived.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum NoFirmware {
    /// The link is void: the grant lapsed, or the job stopped.
    #[error("the link is void")]
    Gone,
    /// It was tried often enough.
    #[error("{0}")]
    Failed(String),
}

/// The devices' HTTP client; clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Downloader {
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// How one attempt ended without the file.
enum Refused {
    Gone,
    /// Worth another try after this long.
    Later(Duration, String),
}

impl Downloader {
    pub(crate) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// Downloads what the command names; with `corrupt`, the first byte is flipped on the device's side.
    pub(crate) async fn fetch(&self, command: &Command, corrupt: bool) -> Result<Fetched, NoFirmware> {
        let url: Uri = command
            .file_url
            .parse()
            .map_err(|error| NoFirmware::Failed(format!("fileUrl is no address: {error}")))?;
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match self.attempt(&url, command, corrupt).await {
                Ok(fetched) => return Ok(fetched),
                Err(Refused::Gone) => return Err(NoFirmware::Gone),
                Err(Refused::Later(pause, why)) => {
                    last = why;
                    sleep(pause).await;
                }
            }
        }
        Err(NoFirmware::Failed(last))
    }

    async fn attempt(&self, url: &Uri, command: &Command, corrupt: bool) -> Result<Fetched, Refused> {
        let again = |error: anyhow::Error| Refused::Later(Duration::from_secs(1), format!("{error:#}"));
        let response = timeout(PATIENCE, self.client.get(url.clone()))
            .await
            .context("no answer in time")
            .and_then(|outcome| outcome.context("no connection"))
            .map_err(again)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::GONE => return Err(Refused::Gone),
            status => {
                let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let pause = seconds.and_then(|text| text.parse().ok()).map_or(1, |s: u64| s.max(1));
                let pause = Duration::from_secs(pause).min(LONGEST_WAIT);
                return Err(Refused::Later(pause, format!("the download was answered {status}")));
            }
        }
        read(response.into_body(), command, corrupt).await.map_err(again)
    }
}

async fn read(mut body: Incoming, command: &Command, mut corrupt: bool) -> anyhow::Result<Fetched> {
    let mut digest = command.sign_method.start();
    let mut bytes = 0;
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.context("the download stalled")? {
        let frame = frame.context("the download broke off")?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len() as u64;
        match data.split_first() {
            Some((first, rest)) if corrupt => {
                corrupt = false;
                digest.update(&[first ^ 1]);
                digest.update(rest);
            }
            _ => digest.update(&data),
        }
    }
    Ok(Fetched { bytes, digest: digest.finish() })
}
