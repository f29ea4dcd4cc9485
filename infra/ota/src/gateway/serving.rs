//! What one process serves: a gateway, or a part of one that devices and operators reach over HTTP alone.

use std::net::SocketAddr;

use ota_host::Host;

use super::{Gateway, Ledger, Listen, Manifest, Secrets, StateDir, raise_limit, start_host, url_of};
use crate::failure::{Failure, Kind};

/// The component that lets devices in: without it the bridge would turn all of them away.
const ACCESS: &str = "access";
/// The component that devices download from.
const FIRMWARE: &str = "firmware";

/// The components that were asked for, serving.
pub(crate) enum Serving {
    /// With the bridge before them.
    Gateway(Gateway),
    /// Without `access`, and so without MQTT.
    Http(Host),
}

impl Serving {
    /// The folder for `components`: of a gateway alone, or joined by one of its parts.
    pub(crate) fn folder(path: &std::path::Path, components: &[String]) -> Result<StateDir, Failure> {
        if is_served(ACCESS, components) { StateDir::claim(path) } else { StateDir::join(path) }
    }

    /// Starts what `listen` names; returns once it serves.
    pub(crate) async fn start(
        listen: &Listen,
        manifest: &Manifest,
        state: &StateDir,
        secrets: &Secrets,
        ledger: &Ledger,
    ) -> Result<Self, Failure> {
        if is_served(ACCESS, &listen.components) {
            let gateway = Gateway::start(listen, manifest, state, secrets, ledger).await?;
            return Ok(Self::Gateway(gateway));
        }
        raise_limit();
        Ok(Self::Http(start_host(listen, manifest, state, secrets, ledger).await?))
    }

    /// Where operators and devices reach it over HTTP, on this machine.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Gateway(gateway) => gateway.url(),
            Self::Http(host) => url_of(host.local_addr()),
        }
    }

    /// Where devices reach it over MQTT, if they do.
    pub(crate) fn mqtt(&self) -> Option<SocketAddr> {
        match self {
            Self::Gateway(gateway) => Some(gateway.mqtt()),
            Self::Http(_) => None,
        }
    }

    /// Stops it. At most 2 s.
    pub(crate) async fn stop(self) {
        match self {
            Self::Gateway(gateway) => gateway.stop().await,
            Self::Http(host) => host.stop().await,
        }
    }
}

/// Refuses a part whose links would lead devices to where nothing is downloaded.
pub(crate) fn check_downloads(components: &[String], public_url: Option<&str>) -> Result<(), Failure> {
    if is_served(FIRMWARE, components) || public_url.is_some() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Usage,
        format!("devices would be sent here for firmware, and --component names no {FIRMWARE}"),
        format!("say with --public-url where `ota up --component {FIRMWARE}` serves it"),
    ))
}

fn is_served(component: &str, components: &[String]) -> bool {
    components.is_empty() || components.iter().any(|served| served == component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_lead_to_where_firmware_is_served() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        for (components, public_url) in
            [(ids(&[]), None), (ids(&["firmware"]), None), (ids(&["access"]), Some("http://d"))]
        {
            assert!(check_downloads(&components, public_url).is_ok(), "{components:?}");
        }
        let refused = check_downloads(&ids(&["access"]), None).unwrap_err().to_string();
        assert!(refused.contains("--public-url"), "{refused}");
    }

    #[test]
    fn a_part_shares_the_folder_that_a_gateway_has_to_itself() {
        let root = tempfile::tempdir().unwrap();
        let _gateway = Serving::folder(root.path(), &[]).unwrap();
        assert!(Serving::folder(root.path(), &["access".to_owned()]).is_err());
        Serving::folder(root.path(), &["firmware".to_owned()]).unwrap();
    }
}
