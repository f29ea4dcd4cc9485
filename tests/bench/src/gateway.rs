//! The real host with the components that ship, on a free port, over an empty store; and what an operator asks of it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use ota_host::Host;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Connection;
use crate::part::Part;
use crate::process::Process;
use crate::{WASM, workspace};

/// The product of all measurements.
pub(crate) const PRODUCT: &str = "pk";
/// What bridges show; operators show the same.
pub(crate) const TOKEN: &str = "a token of the benchmarks";

/// A running gateway.
pub(crate) struct Gateway {
    serving: Serving,
    address: SocketAddr,
    state: TempDir,
}

/// Where a host runs.
enum Serving {
    /// In this process, on its runtime.
    Here(Host),
    /// In processes of their own: the gateway, and what was started beside it.
    Apart(Vec<Process>),
}

/// The components of a gateway that leaves downloads to another process.
const ALL_BUT_FIRMWARE: [&str; 6] = ["inform", "progress", "getversion", "upgrade", "access", "operator"];

impl Gateway {
    /// Returns once it serves, in this process. `cache` keeps the compiled components.
    pub(crate) async fn start(cache: &Path) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let part = Part::whole(state.path())?;
        let mut settings = part.settings();
        settings.cache_dir = Some(cache.to_owned());
        let serving = Serving::Here(ota_host::start(settings).await?);
        Ok(Self { serving, address: part.listen, state })
    }

    /// The same in a process of its own, so that what it costs can be told from what clients cost.
    pub(crate) async fn start_apart() -> Result<Self> {
        let state = tempfile::tempdir()?;
        let part = Part::whole(state.path())?;
        Ok(Self { serving: Serving::Apart(vec![part.start().await?]), address: part.listen, state })
    }

    /// The same with another component in the place of the one that devices download from.
    pub(crate) async fn start_with_firmware(component: &Path) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let text = fs::read_to_string(workspace().join("spin.toml"))?;
        let folder = workspace().join(WASM);
        let text = text.replace(WASM, &folder.display().to_string());
        let replaced = text.replace(
            &folder.join("ota_firmware.wasm").display().to_string(),
            &component.display().to_string(),
        );
        ensure!(replaced != text, "spin.toml names no ota_firmware.wasm");
        let manifest = state.path().join("spin.toml");
        fs::write(&manifest, replaced)?;
        let part = Part { manifest, ..Part::whole(state.path())? };
        Ok(Self { serving: Serving::Apart(vec![part.start().await?]), address: part.listen, state })
    }

    /// The same as two processes on one folder: the first leaves downloads to the second. With where that one is.
    pub(crate) async fn start_divided() -> Result<(Self, SocketAddr)> {
        let state = tempfile::tempdir()?;
        let mut firmware = Part::whole(state.path())?;
        firmware.components = vec!["firmware".to_owned()];
        let mut rest = Part::whole(state.path())?;
        rest.components = ALL_BUT_FIRMWARE.map(str::to_owned).to_vec();
        rest.public_url.clone_from(&firmware.public_url);
        let processes = vec![rest.start().await?, firmware.start().await?];
        Ok((Self { serving: Serving::Apart(processes), address: rest.listen, state }, firmware.listen))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process of a gateway that has one.
    pub(crate) fn process(&self) -> Result<&Process> {
        match &self.serving {
            Serving::Apart(processes) => processes.first().context("no process was started"),
            Serving::Here(_) => bail!("the gateway runs in this process"),
        }
    }

    /// The folder of its stores, and of whatever else should lie on the same disk.
    pub(crate) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    pub(crate) async fn stop(self) {
        if let Serving::Here(host) = self.serving {
            host.stop().await;
        }
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
