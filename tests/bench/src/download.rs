//! The download of a firmware, every block verified, against the same file by servers that verify nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use ota_ledger::Sql as _;
use ota_platform::native::NativeSqlite;
use serde_json::json;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::file_server::FileServer;
use crate::gateway::{Gateway, PRODUCT};
use crate::nginx::Nginx;
use crate::page::Row;
use crate::{WASM, workspace};

/// A firmware of a Linux device.
const SIZE: usize = 32 * 1024 * 1024;
/// How often each connection fetches it.
const ROUNDS: usize = 10;
/// What is asked for at its beginning and at its end.
const RANGE: usize = 64 * 1024;
/// How often.
const RANGES: u32 = 500;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let image = Bytes::from(ota_testbed::image(SIZE));
    let gateway = Gateway::start(&workspace().join("target/wasm-cache")).await?;
    let path = granted(&gateway, image.clone()).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("image.bin");
    tokio::fs::write(&file, &image).await?;
    let plain = FileServer::start(&file).await?;
    let mut rows = Vec::new();
    for connections in [1, 4] {
        rows.push(Row {
            what: verified(connections),
            measured: megabytes_per_second(gateway.address(), &path, connections).await?,
            against: "the file over plain hyper".to_owned(),
            baseline: megabytes_per_second(plain.address(), "/", connections).await?,
            unit: "MB/s",
        });
    }
    gateway.stop().await;
    drop(plain);
    rows.extend(against_other_processes(image, &file).await?);
    Ok(rows)
}

/// Rows against servers that have processes of their own, as the host then has.
async fn against_other_processes(image: Bytes, file: &Path) -> Result<Vec<Row>> {
    let gateway = Gateway::start_apart().await?;
    let path = granted(&gateway, image.clone()).await?;
    let passing = Gateway::start_with_firmware(&unverified()).await?;
    let unverified = format!("{}&object={}", granted(&passing, image).await?, object(&passing)?);
    let mut rows = Vec::new();
    for connections in [1, 4] {
        rows.push(Row {
            what: verified(connections),
            measured: megabytes_per_second(gateway.address(), &path, connections).await?,
            against: "the same component passing bytes through unverified".to_owned(),
            baseline: megabytes_per_second(passing.address(), &unverified, connections).await?,
            unit: "MB/s",
        });
    }
    passing.stop().await;
    for connections in [1, 8] {
        let row = |against: String, baseline| Row {
            what: verified(connections),
            measured: 0.0,
            against,
            baseline,
            unit: "MB/s",
        };
        match Nginx::start(file).await? {
            Some(nginx) => {
                let baseline = megabytes_per_second(nginx.address(), "/image.bin", connections).await?;
                let measured = megabytes_per_second(gateway.address(), &path, connections).await?;
                rows.push(Row { measured, ..row("nginx with sendfile, the same file".to_owned(), baseline) });
            }
            None => rows.push(row("nginx is not installed and cannot be".to_owned(), 0.0)),
        }
    }
    let [first, last] = ranges(gateway.address(), &path, [0, SIZE - RANGE]).await?;
    rows.push(Row {
        what: "the last 64 KiB of 32 MiB".to_owned(),
        measured: last,
        against: "the first 64 KiB".to_owned(),
        baseline: first,
        unit: "ms",
    });
    gateway.stop().await;
    Ok(rows)
}

fn verified(connections: usize) -> String {
    format!("verified download of 32 MiB, connections: {connections}")
}

/// The component that passes bytes through.
fn unverified() -> PathBuf {
    workspace().join(WASM).join("ota_bench_guest.wasm")
}

/// The stored object of the one firmware.
fn object(gateway: &Gateway) -> Result<String> {
    let sql = NativeSqlite::open(&gateway.state_dir().join("state/sqlite_db.db"))?;
    let rows = sql.query("SELECT object FROM firmware", &[])?;
    Ok(rows.first().context("there is no firmware")?.text(0)?)
}

/// How long the ranges from these bytes on take, asked for in turn: the median of each (ms).
async fn ranges(address: SocketAddr, path: &str, from: [usize; 2]) -> Result<[f64; 2]> {
    let mut connection = Connection::open(address).await?;
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..RANGES {
        for (first, took) in from.into_iter().zip(&mut took) {
            let begun = Instant::now();
            range(&mut connection, path, first).await?;
            took.push(begun.elapsed());
        }
    }
    Ok(took.map(|mut took| {
        took.sort();
        took.get(took.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }))
}

/// Fetches 64 KiB.
pub(crate) async fn range(connection: &mut Connection, path: &str, first: usize) -> Result<()> {
    let range = format!("bytes={first}-{}", first + RANGE - 1);
    let answer =
        connection.send(Request::get(path).header("range", range).body(Full::new(Bytes::new()))?).await?;
    ensure!(
        answer.status == StatusCode::PARTIAL_CONTENT && answer.body.len() == RANGE,
        "a range was answered {} with {} bytes",
        answer.status,
        answer.body.len()
    );
    Ok(())
}

/// Takes the device `d0` to where it is told of the firmware; the path and query that it is to fetch. `d1` is left alone.
pub(crate) async fn granted(gateway: &Gateway, image: Bytes) -> Result<String> {
    gateway.register(2).await?;
    gateway.ask(Method::PUT, &format!("/api/v1/products/{PRODUCT}/firmware/2"), image).await?;
    gateway.inform("d0", "1").await?;
    gateway.inform("d1", "1").await?;
    let job = json!({ "product": PRODUCT, "to": "2", "mode": "push", "devices": ["d0"] });
    gateway.operate(Method::POST, "/api/v1/jobs", job).await?;
    let told = gateway.inform("d0", "1").await?;
    let command = told.headers.get("command-payload").context("the device was told nothing")?;
    let command: serde_json::Value = serde_json::from_slice(command.as_bytes())?;
    let url = command
        .pointer("/params/fileUrl")
        .and_then(serde_json::Value::as_str)
        .context("the command has no URL")?;
    let url: http::Uri = url.parse()?;
    Ok(url.path_and_query().context("the URL has no path")?.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "what is sent is far below 2^52")]
async fn megabytes_per_second(address: SocketAddr, path: &str, connections: usize) -> Result<f64> {
    // Once before, so that nothing is read for the first time.
    fetch(address, path.to_owned(), 1).await?;
    let begun = Instant::now();
    let mut fetches = JoinSet::new();
    for _ in 0..connections {
        fetches.spawn(fetch(address, path.to_owned(), ROUNDS));
    }
    let mut bytes = 0;
    while let Some(fetched) = fetches.join_next().await {
        bytes += fetched??;
    }
    Ok(bytes as f64 / 1e6 / begun.elapsed().as_secs_f64())
}

async fn fetch(address: SocketAddr, path: String, rounds: usize) -> Result<usize> {
    let mut connection = Connection::open(address).await?;
    for _ in 0..rounds {
        let bytes = connection.drain(Request::get(&path).body(Full::new(Bytes::new()))?).await?;
        ensure!(bytes == SIZE, "a download of {SIZE} bytes brought {bytes}");
    }
    Ok(rounds * SIZE)
}
