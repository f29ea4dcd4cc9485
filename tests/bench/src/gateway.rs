//! The real host with the components that ship, on a free port, over an empty store; and what an operator asks of it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use ota_host::{Host, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Connection;
use crate::workspace;

/// The product of all measurements.
pub(crate) const PRODUCT: &str = "pk";
/// What bridges show; operators show the same.
pub(crate) const TOKEN: &str = "a token of the benchmarks";

/// A running gateway.
pub(crate) struct Gateway {
    host: Host,
    state: TempDir,
}

impl Gateway {
    /// Returns once it serves. `cache` keeps the compiled components.
    pub(crate) async fn start(cache: &Path) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // The app must know its own address before it starts.
        let listen = TcpListener::bind(free)?.local_addr()?;
        let mut settings = Settings::new(workspace().join("spin.toml"));
        settings.state_dir = state.path().join("state");
        settings.listen = listen;
        settings.cache_dir = Some(cache.to_owned());
        settings.variables = [
            ("operator_token", TOKEN.to_owned()),
            ("bridge_token", TOKEN.to_owned()),
            ("link_key", "a link key of the benchmarks".to_owned()),
            ("secret_key", "a secret key of the benchmarks".to_owned()),
            ("public_url", format!("http://{listen}")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        Ok(Self { host: ota_host::start(settings).await?, state })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.host.local_addr()
    }

    /// The folder of its stores, and of whatever else should lie on the same disk.
    pub(crate) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    pub(crate) async fn stop(self) {
        self.host.stop().await;
    }

    /// The product with `devices` devices `d0`, `d1`, ….
    pub(crate) async fn register(&self, devices: usize) -> Result<()> {
        self.operate(Method::POST, "/api/v1/products", json!({ "product": PRODUCT })).await?;
        let path = format!("/api/v1/products/{PRODUCT}/devices");
        for n in 0..devices {
            self.operate(Method::POST, &path, json!({ "device": format!("d{n}") })).await?;
        }
        Ok(())
    }

    /// Asks the REST for something with a JSON body.
    pub(crate) async fn operate(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        self.ask(method, path, Bytes::from(body.to_string())).await
    }

    /// Asks the REST for something; anything but success is an error.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value> {
        let mut connection = Connection::open(self.address()).await?;
        let request = Request::builder().method(method).uri(path).header("authorization", bearer());
        let answer = connection.send(request.body(Full::new(body))?).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status.is_success(), "{path} was answered {}: {text}", answer.status);
        serde_json::from_str(&text).with_context(|| format!("{path} was answered without JSON: {text}"))
    }

    /// One message of a device, as a bridge brings it; what the response says.
    pub(crate) async fn inform(&self, device: &str, version: &str) -> Result<crate::connection::Answer> {
        let mut connection = Connection::open(self.address()).await?;
        connection.send(inform(device, version)?).await
    }
}

/// The request of a device that informs its version.
pub(crate) fn inform(device: &str, version: &str) -> Result<Request<Full<Bytes>>> {
    let request = Request::post(inform_path(device)).header("authorization", bearer());
    Ok(request.body(Full::new(Bytes::from(inform_message(version))))?)
}

pub(crate) fn inform_path(device: &str) -> String {
    format!("/topic/sys/{PRODUCT}/{device}/ota/device/inform")
}

pub(crate) fn inform_message(version: &str) -> String {
    json!({ "id": "1", "version": "1.0", "method": "ota.device.inform", "params": { "version": version } })
        .to_string()
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}
