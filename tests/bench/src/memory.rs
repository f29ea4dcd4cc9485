//! What the host has of memory while much is downloaded, and while many read slowly: it runs in a process of its own.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::download::granted;
use crate::gateway::Gateway;
use crate::page::Row;
use crate::process::Process;
use crate::slow::SlowReaders;

/// What the embedded store takes.
const SIZE: usize = 64 * 1024 * 1024;
/// Downloads of it that make 1 GiB.
const ROUNDS: usize = 16;
const READERS: usize = 200;
/// How long slow readers are looked at.
const WINDOW: Duration = Duration::from_secs(6);
/// Until what slow readers have asked for lies ready for them.
const SETTLE: Duration = Duration::from_secs(2);
/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let gateway = Gateway::start_apart().await?;
    let path = granted(&gateway, Bytes::from(ota_testbed::image(SIZE))).await?;
    let host = gateway.process()?;
    let address = gateway.address();
    let fetch = async |rounds| {
        let mut connection = Connection::open(address).await?;
        for _ in 0..rounds {
            connection.drain(Request::get(&path).body(Full::new(Bytes::new()))?).await?;
        }
        anyhow::Ok(())
    };
    // Once before, so that nothing is needed for the first time.
    fetch(1).await?;
    let before = host.memory()?;
    let most = most_until(host, fetch(ROUNDS)).await?;

    let idle = host.memory()?;
    let mut readers = SlowReaders::begin(address, &path, READERS, Duration::from_secs(1)).await?;
    sleep(SETTLE).await;
    let begun = host.memory()?;
    let since = Instant::now();
    let busy = most_until(host, async {
        sleep(WINDOW).await;
        Ok(())
    });
    let busy = busy.await?;
    readers.check(since.elapsed())?;
    drop(readers);
    gateway.stop().await;

    let row = |what: &str, measured, against: &str, baseline| Row {
        what: format!("memory of the host, {what}"),
        measured,
        against: against.to_owned(),
        baseline,
        unit: "MB",
    };
    Ok(vec![
        row("the most while 1 GiB is downloaded", most, "after the first 64 MiB", before),
        row("the most with 200 readers at 10 kB/s", busy, "when they had begun", begun),
        row("with 200 readers at 10 kB/s", busy, "without", idle),
    ])
}

/// The most that `process` has until `end`.
async fn most_until(process: &Process, end: impl Future<Output = Result<()>>) -> Result<f64> {
    let mut end = std::pin::pin!(end);
    let mut most = process.memory()?;
    loop {
        let ended = tokio::time::timeout(EVERY, end.as_mut()).await;
        most = most.max(process.memory()?);
        if let Ok(ended) = ended {
            return ended.map(|()| most);
        }
    }
}
