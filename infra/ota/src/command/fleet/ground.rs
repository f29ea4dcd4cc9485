//! The gateway that the fleet runs against: one that is there, or one of its own that is gone afterwards.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::api::Client;
use crate::command::Connect;
use crate::failure::{Failure, Kind};
use crate::gateway::{Gateway, Ledger, Listen, Manifest, Secrets, StateDir};
use crate::present::say;

/// Where MQTT is served when nobody says otherwise (IANA).
const MQTT_PORT: u16 = 1883;

/// A gateway to call and to connect devices to.
pub(super) struct Ground {
    pub(super) client: Client,
    pub(super) mqtt: SocketAddr,
    own: Option<Own>,
}

/// A gateway of our own.
struct Own {
    gateway: Gateway,
    _state: StateDir,
    _folder: TempDir,
}

impl Ground {
    /// The gateway that `connect` names, with its MQTT at `mqtt`, or at its own host.
    pub(super) async fn given(connect: &Connect, mqtt: Option<&str>) -> Result<Self, Failure> {
        let client = connect.client()?;
        let place = match (mqtt, connect.host()) {
            (Some(place), _) => place.to_owned(),
            (None, Some(host)) => host,
            (None, None) => String::new(),
        };
        let mqtt = resolve(&place).await.map_err(|error| {
            Failure::new(
                Kind::Usage,
                format!("`{place}` is no MQTT address: {error:#}"),
                "set OTA_MQTT or --mqtt to something like 127.0.0.1:1883",
            )
        })?;
        say(&format!("gateway   {} for operators, {mqtt} for MQTT", connect.url()));
        Ok(Self { client, mqtt, own: None })
    }

    /// A gateway in a temporary folder.
    pub(super) async fn own(manifest: &Path, may_build: bool) -> Result<Self, Failure> {
        let manifest = Manifest::find(manifest)?;
        manifest.prepare(may_build).await?;
        let folder = tempfile::Builder::new()
            .prefix("ota-fleet-")
            .tempdir()
            .context("cannot make a temporary folder")
            .map_err(|error| Failure::local(&error, "is TMPDIR a folder you can write to?"))?;
        let state = StateDir::claim(folder.path())?;
        let secrets = Secrets::of(&state, None)?;
        let gateway =
            Gateway::start(&Listen::anywhere(), &manifest, &state, &secrets, &Ledger::Sqlite).await?;
        let (url, mqtt) = (gateway.url(), gateway.mqtt());
        say(&format!("gateway   of its own: {url} for operators and downloads, {mqtt} for MQTT"));
        let own = Some(Own { gateway, _state: state, _folder: folder });
        Ok(Self { client: Client::new(&url, Some(secrets.operator_token()))?, mqtt, own })
    }

    /// Whether the gateway is gone when the fleet is.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops the gateway, if it is our own.
    pub(super) async fn leave(self) {
        if let Some(own) = self.own {
            own.gateway.stop().await;
        }
    }
}

/// The address of `host`, `host:port` or `[ip]:port`.
async fn resolve(place: &str) -> anyhow::Result<SocketAddr> {
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = if has_port { place.to_owned() } else { format!("{place}:{MQTT_PORT}") };
    let mut found = tokio::net::lookup_host(place).await.context("it cannot be looked up")?;
    found.next().context("the name has no address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_mqtt_address_may_leave_out_its_port() {
        for (place, address) in [
            ("127.0.0.1", "127.0.0.1:1883"),
            ("127.0.0.1:1884", "127.0.0.1:1884"),
            ("[::1]", "[::1]:1883"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(resolve(place).await.unwrap().to_string(), address);
        }
        for wrong in ["", "127.0.0.1:x", "mqtt://127.0.0.1:1883"] {
            assert!(resolve(wrong).await.is_err(), "{wrong}");
        }
    }
}
