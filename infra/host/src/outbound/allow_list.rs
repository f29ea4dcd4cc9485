//! `allowed_outbound_hosts`: which scheme, host and port a component may reach.
//! Hosts match as they are written, never by what they resolve to: `localhost`
//! is not `127.0.0.1`.

use std::ops::RangeInclusive;

use http::Uri;

/// The entries of one component; without entries nothing is allowed.
#[derive(Debug, Default)]
pub(crate) struct AllowList(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    scheme: Option<String>,
    host: Host,
    /// All ports when absent.
    ports: Option<RangeInclusive<u16>>,
}

#[derive(Debug)]
enum Host {
    Any,
    /// `*.example.com`, kept as `.example.com`.
    Below(String),
    Exactly(String),
}

/// An entry that Spin would not take.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("allowed_outbound_hosts entry `{entry}` {fault}")]
pub(crate) struct BadEntry {
    entry: String,
    fault: &'static str,
}

impl AllowList {
    /// Parses every entry: `scheme://host[:port]`, each part `*` for any.
    pub(crate) fn parse(entries: &[String]) -> Result<Self, BadEntry> {
        let entries = entries.iter().map(|entry| Entry::parse(entry));
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    /// Whether a request to this absolute URL may be sent.
    pub(crate) fn allows(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return false;
        };
        let Some(port) = uri.port_u16().or_else(|| default_port(scheme)) else {
            return false;
        };
        self.0.iter().any(|entry| entry.allows(scheme, host, port))
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Self, BadEntry> {
        let refuse = |fault| BadEntry { entry: entry.to_owned(), fault };
        let (scheme, rest) = entry.split_once("://").ok_or_else(|| refuse("has no scheme"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(refuse("has a path, which cannot be restricted"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // The last colon of an address in brackets is not a port's.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let scheme = match scheme {
            "" => return Err(refuse("has an empty scheme")),
            "*" => None,
            name => Some(name.to_ascii_lowercase()),
        };
        let ports = match port {
            Some("*") => None,
            Some(port) => Some(parse_ports(port).ok_or_else(|| refuse("has a bad port"))?),
            None => {
                let port = scheme.as_deref().and_then(default_port);
                let port = port.ok_or_else(|| refuse("has no port and no default for it"))?;
                Some(port..=port)
            }
        };
        let host = match host {
            "" => return Err(refuse("has an empty host")),
            "self" | "self.alt" => return Err(refuse("calls this application itself")),
            "*" => Host::Any,
            host => match host.strip_prefix('*') {
                Some(below) if below.starts_with('.') => Host::Below(below.to_ascii_lowercase()),
                _ if host.contains('*') => return Err(refuse("has `*` in its host")),
                _ => Host::Exactly(host.to_ascii_lowercase()),
            },
        };
        Ok(Self { scheme, host, ports })
    }

    fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        self.scheme.as_deref().is_none_or(|own| own == scheme)
            && self.ports.as_ref().is_none_or(|own| own.contains(&port))
            && match &self.host {
                Host::Any => true,
                Host::Below(suffix) => host.ends_with(suffix),
                Host::Exactly(own) => host == *own,
            }
    }
}

/// `8080` or `8000..8100` (the end excluded, as in Spin).
fn parse_ports(ports: &str) -> Option<RangeInclusive<u16>> {
    match ports.split_once("..") {
        None => {
            let port = ports.parse().ok()?;
            Some(port..=port)
        }
        Some((first, end)) => {
            let last = end.parse::<u16>().ok()?.checked_sub(1)?;
            Some(first.parse().ok()?..=last)
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entries: &[&str], url: &str) -> bool {
        let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        AllowList::parse(&entries).unwrap().allows(&url.parse().unwrap())
    }

    #[test]
    fn only_what_is_listed_is_allowed() {
        for (entry, url, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/x", true),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8081/x", false),
            ("http://127.0.0.1:8080", "https://127.0.0.1:8080/x", false),
            ("http://127.0.0.1:8080", "http://localhost:8080/x", false),
            ("https://a.example", "https://a.example/x", true),
            ("https://a.example", "https://a.example:443/x", true),
            ("https://a.example", "https://A.EXAMPLE/x", true),
            ("https://a.example/", "https://a.example.evil/x", false),
            ("https://*.example", "https://b.a.example/", true),
            ("https://*.example", "https://example/", false),
            ("https://*.example", "https://badexample/", false),
            ("*://*:*", "http://x:1/", true),
            ("http://x:8000..8002", "http://x:8001/", true),
            ("http://x:8000..8002", "http://x:8002/", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://[::1]", "http://[::1]:80/", true),
            ("postgres://db", "http://db/", false),
        ] {
            assert_eq!(allows(&[entry], url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        assert!(!allows(&[], "http://a/"));
    }

    #[test]
    fn entries_that_spin_refuses_are_refused() {
        for entry in [
            "",
            "a.example",
            "://a",
            "http://",
            "http://a:x",
            "http://a/path",
            "*://a",
            "http://self",
            "http://a*b",
            "http://a:2..2x",
            "http://a:0..0",
        ] {
            assert!(AllowList::parse(&[entry.to_owned()]).is_err(), "{entry}");
        }
    }
}
