//! Requests that nobody sends by accident: half of every part is what the gateway expects, so that the other half
//! gets past the doors.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ota_it::{Secrets, percent_encoded};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::body::body;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Bytes that fit into the sockets beside any request.
const MOST_UNREAD: usize = 1000;

/// What a device and an operator of this gateway know.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// The token of a download.
    pub(crate) link: String,
    /// A job's id.
    pub(crate) job: String,
}

/// Requests at `routes`, in which `*` is a segment.
pub(crate) fn at(routes: &'static [&'static str], keys: &Keys) -> impl Strategy<Value = Hostile> {
    (method(routes), target(routes, keys), headers(), body()).prop_map(
        |(method, target, mut headers, mut body)| {
            if method != Method::POST {
                // By HTTP a connection may be reset when a body is left unread; where none is expected, it is.
                body.truncate(MOST_UNREAD);
            }
            if let Some(token) = headers.remove("x-with-token") {
                let is_operators = target.starts_with("/api/") || target.starts_with("/metrics");
                let right = if is_operators { Secrets::OPERATOR_TOKEN } else { Secrets::BRIDGE_TOKEN };
                let value = if token == "right" { right } else { "wrong" };
                headers.insert("authorization", format!("Bearer {value}").parse().unwrap());
            }
            Hostile { method, target, headers, body }
        },
    )
}

/// Mostly one that the routes take.
fn method(routes: &[&str]) -> impl Strategy<Value = Method> + use<> {
    let is_any = |part: &str| routes.iter().any(|route| route.contains(part));
    let usual = match (is_any("/ota/*"), is_any("/api/")) {
        (true, _) => vec![Method::GET],
        (_, true) => vec![Method::GET, Method::POST],
        _ => vec![Method::POST],
    };
    let other = [Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::DELETE, Method::OPTIONS];
    prop_oneof![5 => select(usual), 1 => select(other.to_vec())]
}

fn target(routes: &'static [&'static str], keys: &Keys) -> impl Strategy<Value = String> {
    let known = prop_oneof![
        4 => Just(["pk", "dk"].map(str::to_owned).to_vec()),
        1 => Just(vec![keys.job.clone()]),
        3 => vec(word(keys), 2),
    ];
    (select(routes), known, query(keys)).prop_map(|(route, words, query)| {
        let path = words.iter().fold(route.to_owned(), |path, word| path.replacen('*', word, 1));
        if query.is_empty() { path } else { format!("{path}?{query}") }
    })
}

fn query(keys: &Keys) -> impl Strategy<Value = String> + use<> {
    const NAMES: &str = "sessionId t fileUri token limit after job style sign_method md5 %00 &";
    let pair = (among(NAMES), word(keys)).prop_map(|(name, value)| format!("{name}={value}")).boxed();
    let link = format!("t={}", keys.link);
    prop_oneof![
        3 => Just(String::new()),
        3 => Just(link.clone()),
        2 => vec(pair.clone(), 1..4).prop_map(|pairs| pairs.join("&")),
        1 => pair.prop_map(move |pair| format!("{link}&{pair}")),
    ]
}

/// A segment of a path, or a value in a query, as it stands in a URL.
fn word(keys: &Keys) -> impl Strategy<Value = String> + use<> {
    const KNOWN: &str = "pk dk 2 products jobs fleet 1 status";
    const ODD: &str = ".. %2e%2e %2F %00 %FF%FE % %zz + %E2%80%AE a%0d%0aset-cookie:x";
    prop_oneof![
        10 => among(KNOWN).prop_map(str::to_owned),
        2 => Just(keys.job.clone()),
        1 => among(ODD).prop_map(str::to_owned),
        1 => "[A-Za-z0-9._:@!$'()*,;~-]{0,90}",
        1 => vec(any::<u8>(), 0..40).prop_map(|bytes| percent_encoded(&bytes)),
        1 => "-?[0-9]{1,25}",
    ]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    const NAMES: &str = "range if-range if-none-match if-match content-type authorization accept x-mqtt-age \
        x-ota-bridge x-mqtt-client-id x-mqtt-reply x-forwarded-for spin-path-info";
    const VALUES: &str = "bytes=0- bytes=5-4 bytes=-0 bytes=-1 bytes=0-1,4-5 bytes=18446744073709551616- \
        bytes=299999- bytes=300000- publish undefined * \"\" 0 9223372036854775807 -1 application/json \
        application/x-www-form-urlencoded Basic";
    let value = prop_oneof![
        2 => among(VALUES).prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>().prop_filter("a header may hold it", |byte| *byte >= 32 && *byte != 127), 0..60),
    ];
    let token = prop_oneof![8 => Just(Some("right")), 1 => Just(Some("wrong")), 1 => Just(None)];
    (vec((among(NAMES), value), 0..4), token).prop_map(|(pairs, token)| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_bytes(&value).unwrap());
        }
        if let Some(token) = token {
            headers.insert("x-with-token", HeaderValue::from_static(token));
        }
        headers
    })
}

/// One of the words in `list`.
pub(super) fn among(list: &'static str) -> impl Strategy<Value = &'static str> {
    select(list.split_whitespace().collect::<Vec<_>>())
}
