//! The most frequent message, an inform that changes nothing: through the host and the component, against the host
//! without a component, and against the same handler called natively.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use ota_ledger::Sql as _;
use ota_platform::native::{NativeSqlite, World};
use serde_json::json;

use crate::gateway::{self, Gateway, PRODUCT};
use crate::load::{self, CONNECTIONS};
use crate::page::Row;
use crate::workspace;

/// How long the native handler is called.
const WINDOW: Duration = Duration::from_secs(3);

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let gateway = Gateway::start(&workspace().join("target/wasm-cache")).await?;
    gateway.register(CONNECTIONS).await?;
    for n in 0..CONNECTIONS {
        gateway.inform(&format!("d{n}"), "1").await?;
    }
    let informs =
        load::requests_per_second(gateway.address(), |n| gateway::inform(&format!("d{n}"), "1")).await?;
    let health = load::requests_per_second(gateway.address(), |_| {
        Ok(Request::get("/.well-known/spin/health").body(Full::new(Bytes::new()))?)
    })
    .await?;
    let folder = gateway.state_dir().to_owned();
    let natively = tokio::task::spawn_blocking(move || natively(&folder)).await??;
    gateway.stop().await;
    let row = |against: &str, baseline: f64| Row {
        what: format!("inform, unchanged, over {CONNECTIONS} connections"),
        measured: informs,
        against: against.to_owned(),
        baseline,
        unit: "1/s",
    };
    Ok(vec![
        row("the host's health route", health),
        row("the handler called natively, without HTTP", natively),
    ])
}

/// Calls per second of the handler on one thread, over a database in `folder`.
fn natively(folder: &Path) -> Result<f64> {
    let world = world(&folder.join("native.db"))?;
    let request = by_bridge(&gateway::inform_path("d0"), gateway::inform_message("1"))?;
    let call = || {
        let response = ota_inform::handle(&world.gateway(), &request);
        ensure!(response.status().is_success(), "the handler answered {}", response.status());
        Ok(())
    };
    call()?;
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < WINDOW {
        call()?;
        calls += 1;
    }
    Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
}

/// A native gateway with one device, its database as the host opens it.
fn world(database: &Path) -> Result<World> {
    let sql = NativeSqlite::open(database)?;
    sql.query("PRAGMA journal_mode = WAL", &[])?;
    let world = World { sql, ..World::new()? };
    for (path, body) in [
        ("/api/v1/products".to_owned(), json!({ "product": PRODUCT })),
        (format!("/api/v1/products/{PRODUCT}/devices"), json!({ "device": "d0" })),
    ] {
        let request = Request::post(path).header("authorization", "Bearer the-operator-token");
        let response = ota_operator::handle(&world.gateway(), &request.body(body.to_string().into_bytes())?);
        ensure!(response.status().is_success(), "the operator was answered {}", response.status());
    }
    Ok(world)
}

fn by_bridge(path: &str, body: String) -> Result<Request<Vec<u8>>> {
    let request = Request::post(path).header("authorization", "Bearer the-bridge-token");
    Ok(request.body(body.into_bytes())?)
}
