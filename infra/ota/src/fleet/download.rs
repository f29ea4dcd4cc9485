//! A firmware download as a device does it: streamed through the digest, never held whole.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{HeaderMap, RETRY_AFTER};
use http::{StatusCode, Uri};
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
/// The pause before another try, where the server names none.
const PAUSE: Duration = Duration::from_secs(1);
/// The pauses that a device takes, whatever the server says.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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
        let again = |error: anyhow::Error| Refused::Later(PAUSE, format!("{error:#}"));
        let response = timeout(PATIENCE, self.client.get(url.clone()))
            .await
            .context("no answer in time")
            .and_then(|outcome| outcome.context("no connection"))
            .map_err(again)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::GONE => return Err(Refused::Gone),
            status => {
                let why = format!("the download was answered {status}");
                return Err(Refused::Later(pause(response.headers()), why));
            }
        }
        read(response.into_body(), command, corrupt).await.map_err(again)
    }
}

/// How long the server wants to be left alone.
fn pause(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let (shortest, longest) = PAUSES;
    seconds.map_or(PAUSE, Duration::from_secs).clamp(shortest, longest)
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

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::fleet::message::Digester;

    /// A server that gives each of these answers to a connection of its own, and a command that leads to it.
    async fn served(answers: &'static [&'static str]) -> Command {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let file_url = format!("http://{}/f", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let (id, version, sign) = ("77".to_owned(), "2.0".to_owned(), String::new());
        Command { id, version, sign, sign_method: Digester::Sha256, file_url, size: 3 }
    }

    const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc";

    #[tokio::test]
    async fn a_download_is_digested_as_it_arrives() {
        let fetched = Downloader::new().fetch(&served(&[GOOD]).await, false).await.unwrap();
        assert_eq!(fetched, Fetched { bytes: 3, digest: hex::encode(Sha256::digest("abc")) });
    }

    #[tokio::test]
    async fn a_corrupted_byte_changes_the_digest_and_not_the_length() {
        let fetched = Downloader::new().fetch(&served(&[GOOD]).await, true).await.unwrap();
        assert_eq!(fetched, Fetched { bytes: 3, digest: hex::encode(Sha256::digest("`bc")) });
    }

    #[tokio::test]
    async fn a_server_that_is_busy_or_breaks_off_is_asked_again() {
        const BUSY: &str =
            "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        const TORN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\na";
        let fetched = Downloader::new().fetch(&served(&[BUSY, TORN, GOOD]).await, false).await.unwrap();
        assert_eq!(fetched.bytes, 3);
    }

    #[tokio::test]
    async fn a_void_link_is_not_tried_again() {
        const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let refused = Downloader::new().fetch(&served(&[GONE]).await, false).await;
        assert_eq!(refused, Err(NoFirmware::Gone));
    }

    #[test]
    fn the_servers_pause_is_kept_within_reason() {
        let told = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            pause(&headers)
        };
        assert_eq!(told("2"), Duration::from_secs(2));
        assert_eq!((told("0"), told("99999")), PAUSES);
        assert_eq!((told("soon"), pause(&HeaderMap::new())), (PAUSE, PAUSE));
    }
}
