//! Closed-loop load: some connections, each sending its next request when the last was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;

use crate::connection::Connection;

/// How many connections there are.
pub(crate) const CONNECTIONS: usize = 16;
/// How long requests are counted.
const WINDOW: Duration = Duration::from_secs(4);
/// How long they are sent before that.
const WARM_UP: Duration = Duration::from_secs(1);

/// Successful requests per second; any other answer is an error. `request(n)` is what connection `n` sends.
pub(crate) async fn requests_per_second(
    address: SocketAddr,
    request: impl Fn(usize) -> Result<Request<Full<Bytes>>>,
) -> Result<f64> {
    let begin = Instant::now() + WARM_UP;
    let mut loops = JoinSet::new();
    for n in 0..CONNECTIONS {
        loops.spawn(send(address, request(n)?, begin));
    }
    let mut sent = 0;
    while let Some(counted) = loops.join_next().await {
        sent += counted??;
    }
    Ok(f64::from(sent) / WINDOW.as_secs_f64())
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>, begin: Instant) -> Result<u32> {
    let mut connection = Connection::open(address).await?;
    let mut sent = 0;
    loop {
        let answer = connection.send(request.clone()).await?;
        ensure!(answer.status.is_success(), "{} was answered {}", request.uri(), answer.status);
        let now = Instant::now();
        if now >= begin + WINDOW {
            return Ok(sent);
        }
        if now >= begin {
            sent += 1;
        }
    }
}
