//! Informs while 900 devices download slowly, with the downloads in the same application and in one of their own: a
//! second process on the same stores.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tokio::time::Instant;

use crate::download::granted;
use crate::gateway::Gateway;
use crate::latency::{Latency, informs};
use crate::page::Row;
use crate::slow::SlowReaders;

/// Spin has room for 1 000 instances in a process.
const DOWNLOADS: usize = 900;
/// How long they take to begin.
const ARRIVAL: Duration = Duration::from_secs(3);
/// More than a slow device reads meanwhile.
const SIZE: usize = 8 * 1024 * 1024;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let image = Bytes::from(ota_testbed::image(SIZE));
    let gateway = Gateway::start_apart().await?;
    let path = granted(&gateway, image.clone()).await?;
    let quiet = informs(&gateway).await?;
    let together = with_downloads(&gateway, gateway.address(), &path).await?;
    gateway.stop().await;
    let (gateway, firmware) = Gateway::start_divided().await?;
    let path = granted(&gateway, image).await?;
    let divided = with_downloads(&gateway, firmware, &path).await?;
    gateway.stop().await;

    let mut rows = Vec::new();
    for (place, busy) in [("in one application", &together), ("in a process of their own", &divided)] {
        for (quantile, of) in [("p50", Latency::p50 as fn(&Latency) -> f64), ("p99", Latency::p99)] {
            rows.push(Row {
                what: format!("inform during {DOWNLOADS} downloads at 10 kB/s, {place}: {quantile}"),
                measured: of(busy),
                against: "without downloads".to_owned(),
                baseline: of(&quiet),
                unit: "ms",
            });
        }
    }
    Ok(rows)
}

async fn with_downloads(gateway: &Gateway, address: std::net::SocketAddr, path: &str) -> Result<Latency> {
    let mut readers = SlowReaders::begin(address, path, DOWNLOADS, ARRIVAL).await?;
    let begun = Instant::now();
    let latency = informs(gateway).await?;
    readers.check(begun.elapsed())?;
    Ok(latency)
}
