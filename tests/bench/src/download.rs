//! The download of a firmware, every block verified, against the same file over plain hyper.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::file_server::FileServer;
use crate::gateway::{Gateway, PRODUCT};
use crate::page::Row;
use crate::workspace;

/// A firmware of a Linux device.
const SIZE: usize = 32 * 1024 * 1024;
/// How often each connection fetches it.
const ROUNDS: usize = 5;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let image = Bytes::from(ota_testbed::image(SIZE));
    let gateway = Gateway::start(&workspace().join("target/wasm-cache")).await?;
    let path = granted(&gateway, image.clone()).await?;
    let file = gateway.state_dir().join("image.bin");
    tokio::fs::write(&file, &image).await?;
    let plain = FileServer::start(&file).await?;
    let mut rows = Vec::new();
    for connections in [1, 4] {
        rows.push(Row {
            what: format!("verified download of 32 MiB, connections: {connections}"),
            measured: megabytes_per_second(gateway.address(), &path, connections).await?,
            against: "the file over plain hyper".to_owned(),
            baseline: megabytes_per_second(plain.address(), "/", connections).await?,
            unit: "MB/s",
        });
    }
    gateway.stop().await;
    Ok(rows)
}

/// Takes a device to where it is told of the firmware; the path and query that it is to fetch.
async fn granted(gateway: &Gateway, image: Bytes) -> Result<String> {
    gateway.register(1).await?;
    gateway.ask(Method::PUT, &format!("/api/v1/products/{PRODUCT}/firmware/2"), image).await?;
    gateway.inform("d0", "1").await?;
    let job = json!({ "product": PRODUCT, "to": "2", "mode": "push" });
    gateway.operate(Method::POST, "/api/v1/jobs", job).await?;
    let told = gateway.inform("d0", "1").await?;
    let command = told.headers.get("command-payload").context("the device was told nothing")?;
    let command: Value = serde_json::from_slice(command.as_bytes())?;
    let url = command.pointer("/params/fileUrl").and_then(Value::as_str).context("the command has no URL")?;
    let path = url.strip_prefix(&format!("http://{}", gateway.address()));
    Ok(path.context("the URL leads elsewhere")?.to_owned())
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
