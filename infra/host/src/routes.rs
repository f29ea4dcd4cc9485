//! Which component answers a path, and the headers that tell it so.
//!
//! Built on the router that Spin itself uses, so precedence is the same: exact
//! segments beat parameters, parameters beat a trailing `/...`.

use std::net::SocketAddr;

use anyhow::{Result, anyhow, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use routefinder::{Match, RouteSpec, Router};

/// All routes of an application; `T` is what a route leads to.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    router: Router<Target<T>>,
}

#[derive(Debug)]
struct Target<T> {
    route: String,
    leads_to: T,
}

/// A path that a route answers.
pub(crate) struct Routed<'a, T> {
    path: &'a str,
    found: Match<'a, 'a, Target<T>>,
}

impl<T> Routes<T> {
    /// Builds the table; two equal patterns are refused, as only one could be reached.
    pub(crate) fn build(routes: impl IntoIterator<Item = (String, T)>) -> Result<Self> {
        let mut table = Router::new();
        for (route, leads_to) in routes {
            let pattern = match route.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*"),
                None => route.clone(),
            };
            let spec: RouteSpec = pattern.parse().map_err(|error| anyhow!("route `{route}`: {error}"))?;
            if table.iter().any(|(known, _)| *known == spec) {
                bail!("route `{route}` is given twice");
            }
            table.add(spec, Target { route, leads_to }).map_err(|error| anyhow!("{error}"))?;
        }
        Ok(Self { router: table })
    }

    /// The best route for a path (without its query).
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Routed<'a, T>> {
        let found = self.router.best_match(path)?;
        Some(Routed { path, found })
    }
}

impl<T> Routed<'_, T> {
    /// What the route leads to.
    pub(crate) fn leads_to(&self) -> &T {
        &self.found.handler().leads_to
    }

    /// Appends the `spin-*` headers behind the client's own, as Spin does: a guest
    /// that trusts them trusts whatever the client sent first.
    pub(crate) fn describe(&self, uri: &Uri, client: SocketAddr, headers: &mut HeaderMap) {
        let route = self.found.handler().route.as_str();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let full_url = format!("http://{host}{target}");
        let mut append = |name: &str, value: &str| {
            // A name or value that no header can carry is left out, as in Spin.
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
            {
                headers.append(name, value);
            }
        };
        append("spin-path-info", &self.path_info());
        append("spin-full-url", &full_url);
        append("spin-matched-route", route);
        append("spin-base-path", "/");
        append("spin-raw-component-route", route);
        append("spin-component-route", route.strip_suffix("/...").unwrap_or(route));
        append("spin-client-addr", &client.to_string());
        let captures = self.found.captures();
        for (name, value) in captures.iter() {
            append(&format!("spin-path-match-{}", name.to_ascii_lowercase()), value);
        }
    }

    /// What `/...` stands for in this path, with its slashes; else empty.
    fn path_info(&self) -> String {
        let captures = self.found.captures();
        let Some(rest) = captures.wildcard() else {
            return String::new();
        };
        match (rest.is_empty(), self.path.ends_with('/')) {
            (true, false) => String::new(),
            (true, true) => "/".to_owned(),
            (false, false) => format!("/{rest}"),
            (false, true) => format!("/{rest}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Result<Routes<String>> {
        Routes::build(patterns.iter().map(|route| ((*route).to_owned(), (*route).to_owned())))
    }

    #[test]
    fn exact_beats_parameter_beats_wildcard() {
        let routes = routes(&["/...", "/auth/:pk/:dk", "/:org/ota/:file", "/auth/ota/x"]).unwrap();
        for (path, expected) in [
            ("/auth/ota/x", "/auth/ota/x"),
            ("/auth/ota/y", "/auth/:pk/:dk"),
            ("/acme/ota/y", "/:org/ota/:file"),
            ("/acme/other", "/..."),
            ("/", "/..."),
        ] {
            let found = routes.find(path).unwrap();
            assert_eq!(found.leads_to(), expected, "{path}");
        }
    }

    #[test]
    fn an_unmatched_path_has_no_route() {
        assert!(routes(&["/a/:b"]).unwrap().find("/a").is_none());
    }

    #[test]
    fn two_equal_routes_are_refused() {
        assert!(routes(&["/a", "/a"]).is_err());
    }

    #[test]
    fn headers_are_appended_behind_forged_ones() {
        let routes = routes(&["/t/:pk/..."]).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("h:1"));
        headers.insert("spin-path-match-pk", HeaderValue::from_static("forged"));
        let uri: Uri = "/t/p1/a/b?q=1".parse().unwrap();
        let client = "127.0.0.1:9".parse().unwrap();
        routes.find(uri.path()).unwrap().describe(&uri, client, &mut headers);
        let all = |name: &str| -> Vec<_> { headers.get_all(name).iter().collect() };
        assert_eq!(all("spin-path-match-pk"), ["forged", "p1"]);
        assert_eq!(all("spin-path-info"), ["/a/b"]);
        assert_eq!(all("spin-full-url"), ["http://h:1/t/p1/a/b?q=1"]);
        assert_eq!(all("spin-matched-route"), ["/t/:pk/..."]);
        assert_eq!(all("spin-component-route"), ["/t/:pk"]);
        assert_eq!(all("spin-base-path"), ["/"]);
        assert_eq!(all("spin-client-addr"), ["127.0.0.1:9"]);
    }
}
