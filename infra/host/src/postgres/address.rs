//! Where a connection string leads, for the allow-list.

use http::Uri;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::outbound::allow_list::AllowList;

/// The port of a host that names none.
const PORT: u16 = 5432;

/// Why an address is not connected to. Shows no more of it than host and port: the rest holds a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadAddress {
    /// The client does not read it.
    #[error("the address is no connection string: {0}")]
    Unreadable(#[from] tokio_postgres::Error),
    /// The manifest does not list it.
    #[error("address postgres://{0} is not permitted")]
    NotPermitted(String),
    /// A socket of this machine, or no host at all.
    #[error("the address has no host on the network")]
    NoHost,
}

/// Reads `address`; every host in it must be on the list, as `postgres://host:port`.
pub(super) fn permitted(address: &str, list: &AllowList) -> Result<Config, BadAddress> {
    let config: Config = address.parse()?;
    if config.get_hosts().is_empty() || !config.get_hostaddrs().is_empty() {
        return Err(BadAddress::NoHost);
    }
    for (n, host) in config.get_hosts().iter().enumerate() {
        let Host::Tcp(host) = host else {
            return Err(BadAddress::NoHost);
        };
        // One port is every host's; none is the default.
        let port = config.get_ports().get(n).or_else(|| config.get_ports().first());
        let authority = format!("{host}:{}", port.copied().unwrap_or(PORT));
        let is_allowed = format!("postgres://{authority}").parse::<Uri>().is_ok_and(|uri| list.allows(&uri));
        if !is_allowed {
            return Err(BadAddress::NotPermitted(authority));
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> Option<String> {
        let list = AllowList::parse(&["postgres://db:5432".to_owned()]).unwrap();
        permitted(address, &list).err().map(|error| error.to_string())
    }

    #[test]
    fn every_host_must_be_on_the_list() {
        for address in ["postgres://u:hunter2@db:5432/d", "postgres://u@db/d", "host=db user=u"] {
            assert_eq!(refusal(address), None, "{address}");
        }
        for (address, told) in [
            ("postgres://u:hunter2@db:5433/d", "address postgres://db:5433 is not permitted"),
            ("postgres://u:hunter2@other:5432/d", "address postgres://other:5432 is not permitted"),
            ("postgres://u:hunter2@db:5432,other:5432/d", "address postgres://other:5432 is not permitted"),
            ("host=/run/postgresql user=u", "the address has no host on the network"),
            ("host=db hostaddr=10.0.0.1 user=u", "the address has no host on the network"),
            ("user=u", "the address has no host on the network"),
        ] {
            assert_eq!(refusal(address).as_deref(), Some(told), "{address}");
        }
        assert!(
            refusal("postgres://u:hunter2@db:port/d").unwrap().starts_with("the address is no connection")
        );
    }
}
