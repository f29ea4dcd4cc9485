//! How long the host takes until it serves: compiling the components, or finding them in its code cache.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::gateway::Gateway;
use crate::page::Row;

/// How often the start from the cache is measured; the median counts.
const WARM: usize = 5;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let cache = tempfile::tempdir()?;
    let cold = start(cache.path()).await?;
    let mut warm = Vec::new();
    for _ in 0..WARM {
        warm.push(start(cache.path()).await?);
    }
    warm.sort();
    let warm = warm.get(WARM / 2).copied().unwrap_or_default();
    let ms = |took: Duration| took.as_secs_f64() * 1000.0;
    Ok(vec![Row {
        what: "start of the host, components cached".to_owned(),
        measured: ms(warm),
        against: "components compiled".to_owned(),
        baseline: ms(cold),
        unit: "ms",
    }])
}

async fn start(cache: &std::path::Path) -> Result<Duration> {
    let begun = Instant::now();
    let gateway = Gateway::start(cache).await?;
    let took = begun.elapsed();
    gateway.stop().await;
    Ok(took)
}
