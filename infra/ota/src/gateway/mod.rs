//! The gateway on one machine: the Spin app in the native host, the MQTT bridge before it, an embedded
//! store or a Postgres.

mod components;
mod environment;
mod interrupt;
mod ledger;
mod open_files;
mod secrets;
mod serving;
mod state_dir;

pub(crate) use components::Manifest;
pub(crate) use environment::environment;
pub(crate) use interrupt::Interrupt;
pub(crate) use ledger::Ledger;
pub(crate) use open_files::raise_limit;
pub(crate) use secrets::Secrets;
pub(crate) use serving::{Serving, check_downloads};
pub(crate) use state_dir::StateDir;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use ota_bridge::Bridge;
use ota_host::Host;
use tracing::warn;

use crate::failure::{Failure, Kind};

/// Both have their own bounds; this one keeps the promise of the whole.
const STOP_WITHIN: Duration = Duration::from_millis(1_900);
/// How often a free port is looked for: another program may take it before the host does.
const PORT_ATTEMPTS: u32 = 5;

/// Where a gateway listens, under which name devices reach it, and whom it may call.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Port 0 takes a free one.
    pub(crate) http: SocketAddr,
    /// Port 0 takes a free one.
    pub(crate) mqtt: SocketAddr,
    /// The components that are served; all of them if empty.
    pub(crate) components: Vec<String>,
    /// Where devices fetch firmware; the HTTP address itself if absent.
    pub(crate) public_url: Option<String>,
    /// The one address that hooks may be under; none may be if absent.
    pub(crate) hook_host: Option<String>,
    /// Variables of the application; what is said here and what the folder keeps goes before them.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Listen {
    /// On free ports of this machine only.
    pub(crate) fn anywhere() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            http: free,
            mqtt: free,
            components: Vec::new(),
            public_url: None,
            hook_host: None,
            variables: BTreeMap::new(),
        }
    }
}

/// A gateway that serves.
pub(crate) struct Gateway {
    host: Host,
    bridge: Bridge,
}

impl Gateway {
    /// Starts host and bridge; returns once both serve.
    pub(crate) async fn start(
        listen: &Listen,
        manifest: &Manifest,
        state: &StateDir,
        secrets: &Secrets,
        ledger: &Ledger,
    ) -> Result<Self, Failure> {
        raise_limit();
        let host = start_host(listen, manifest, state, secrets, ledger).await?;
        let settings = ota_bridge::Settings {
            listen: listen.mqtt,
            gateway: url_of(host.local_addr()),
            token: secrets.bridge_token().to_owned(),
            ..ota_bridge::Settings::default()
        };
        match ota_bridge::start(settings).await {
            Ok(bridge) => Ok(Self { host, bridge }),
            Err(error) => {
                host.stop().await;
                Err(not_started(&error, "mqtt", listen.mqtt))
            }
        }
    }

    /// Where operators and devices reach it over HTTP, on this machine.
    pub(crate) fn url(&self) -> String {
        url_of(self.host.local_addr())
    }

    /// Where devices reach it over MQTT.
    pub(crate) fn mqtt(&self) -> SocketAddr {
        self.bridge.local_addr()
    }

    /// Stops both, the bridge first: what it has taken from devices can still be answered. At most 2 s.
    pub(crate) async fn stop(self) {
        let Self { host, bridge } = self;
        let stopped = async {
            bridge.stop().await;
            host.stop().await;
        };
        if tokio::time::timeout(STOP_WITHIN, stopped).await.is_err() {
            warn!("did not stop in good order within {} ms", STOP_WITHIN.as_millis());
        }
    }
}

/// The app needs its own address before it starts, so a free port is found first and then taken.
async fn start_host(
    listen: &Listen,
    manifest: &Manifest,
    state: &StateDir,
    secrets: &Secrets,
    ledger: &Ledger,
) -> Result<Host, Failure> {
    let mut attempts = PORT_ATTEMPTS;
    loop {
        attempts -= 1;
        let address = free_address(listen.http)
            .map_err(|error| not_started(&anyhow::Error::new(error), "http", listen.http))?;
        let settings = ota_host::Settings {
            manifest: manifest.path().to_owned(),
            state_dir: state.path().to_owned(),
            listen: address,
            components: listen.components.clone(),
            variables: variables(listen, secrets, ledger, address),
            ..ota_host::Settings::default()
        };
        match ota_host::start(settings).await {
            Ok(host) => return Ok(host),
            Err(error) if listen.http.port() == 0 && attempts > 0 && is_taken(&error) => {}
            Err(error) => return Err(not_started(&error, "http", listen.http)),
        }
    }
}

/// The variables of `spin.toml`.
fn variables(
    listen: &Listen,
    secrets: &Secrets,
    ledger: &Ledger,
    address: SocketAddr,
) -> BTreeMap<String, String> {
    let mut variables = listen.variables.clone();
    variables.entry("public_url".to_owned()).or_insert_with(|| url_of(address));
    variables.extend(secrets.variables());
    variables.extend(ledger.variables().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    let said = [("public_url", &listen.public_url), ("hook_host", &listen.hook_host)];
    variables.extend(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    variables
}

/// `wanted` with its port chosen, if that is left open. A taken port fails here, before anything is loaded.
fn free_address(wanted: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind(wanted)?.local_addr()
}

/// The address as a URL that works on this machine.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn not_started(error: &anyhow::Error, what: &str, address: SocketAddr) -> Failure {
    if is_taken(error) {
        return Failure::new(
            Kind::Local,
            format!("{address} is taken by another program"),
            format!("use another port with --{what}, or port 0 for any free one"),
        );
    }
    Failure::local(error, "OTA_LOG=debug shows more")
}

fn is_taken(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_everyone_is_reached_over_loopback() {
        let url = |text: &str| url_of(text.parse().unwrap());
        assert_eq!(url("0.0.0.0:3000"), "http://127.0.0.1:3000");
        assert_eq!(url("[::]:3000"), "http://[::1]:3000");
        assert_eq!(url("192.0.2.7:80"), "http://192.0.2.7:80");
    }

    #[test]
    fn a_taken_port_is_called_so_with_the_flag_that_helps() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let error = anyhow::Error::new(free_address(address).unwrap_err()).context("cannot start");
        let text = not_started(&error, "http", address).to_string();
        assert!(text.contains(&format!("{address} is taken")) && text.contains("--http"), "{text}");
    }
}
