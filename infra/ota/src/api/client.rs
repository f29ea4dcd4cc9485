//! One call of the REST: address, token, time-outs, and each way it can go wrong turned into a `Failure`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::{Agent, Body};

use super::hint::in_commands;
use crate::failure::{Failure, Kind};
use crate::present::printable;

/// How long a connection may take to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the server may think about one call.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// How long it may work on one that makes an object of many parts.
const DONE_WITHIN: Duration = Duration::from_mins(5);
/// How long a connection may take no byte of a body.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// Rows that are asked for at once: the most that the gateway gives.
pub(super) const PAGE: u32 = 1000;
/// Bytes; no answer is larger, since lists come in pages.
const ANSWER_LIMIT: u64 = 64 << 20;

/// What the server answered: the text as it came and what it says.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    text: String,
    pub(crate) value: T,
}

impl<T: Serialize> Answer<T> {
    /// What several answers say together.
    pub(super) fn of(value: T) -> Self {
        // What was read from JSON can be written as JSON.
        let text = serde_json::to_string(&value).unwrap_or_default();
        Self { text, value }
    }
}

impl<T> Answer<T> {
    /// The object that the server sent, on one line.
    pub(crate) fn line(&self) -> String {
        // A line break inside a JSON string is escaped, so one in the text is white space.
        self.text.trim().replace(['\n', '\r'], " ")
    }
}

/// A caller of one gateway.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Client {
    /// A caller of the gateway at `url` (`http://host:port`, with or without a path) with an operator token.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/').to_owned();
        let host = host_of(&base).ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                format!("`{}` is no address of a gateway", printable(url)),
                "set OTA_URL or --url to something like http://127.0.0.1:3000",
            )
        })?;
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "no operator token",
                "set OTA_TOKEN or --token to the token in the ready line of `ota up` \
                 (it is kept in .ota/secrets.toml)",
            )
        })?;
        let authorization = format!("Bearer {token}");
        Ok(Self { agent: agent(&host), base, authorization })
    }

    /// `GET path`, where `path` begins with a slash and is percent-encoded.
    pub(super) fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Failure> {
        let request = self.agent.get(self.url(path)).header("authorization", &self.authorization);
        self.read(request.call())
    }

    /// Every page of the list that `path` gives under the name `list`, as one answer of the same form.
    ///
    /// Pages go on after `next` until that is null.
    pub(super) fn fetch_all<T: DeserializeOwned>(
        &self,
        path: &str,
        list: &str,
    ) -> Result<Answer<Vec<T>>, Failure> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = match &after {
                Some(after) => format!("{path}{joint}limit={PAGE}&after={}", segment(after)),
                None => format!("{path}{joint}limit={PAGE}"),
            };
            let fields: BTreeMap<String, Box<RawValue>> = self.fetch(&page)?.value;
            let items_here: Vec<Box<RawValue>> = self.field(&fields, list)?;
            items.extend(items_here);
            // A key, or the number of an event.
            let next = match self.field(&fields, "next")? {
                Value::Null => None,
                Value::String(key) => Some(key),
                number => Some(number.to_string()),
            };
            // A page that leads to itself would never end.
            if next.is_none() || next == after {
                break;
            }
            after = next;
        }
        let value = items.iter().map(|item| serde_json::from_str(item.get()));
        let value = value.collect::<Result<_, _>>().map_err(|error| self.unknown(&error))?;
        let items = items.iter().map(|item| item.get()).collect::<Vec<_>>().join(",");
        Ok(Answer { text: format!("{{\"{list}\":[{items}],\"next\":null}}"), value })
    }

    /// `POST path` with a JSON body.
    pub(super) fn send<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", &self.authorization);
        self.read(request.send_json(body))
    }

    /// `POST path` without a body, for something that takes its time.
    pub(super) fn order<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", &self.authorization);
        self.read(request.config().timeout_recv_response(Some(DONE_WITHIN)).build().send_empty())
    }

    /// The same under a key: what was done under it before is not done again.
    pub(super) fn send_under<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: &HeaderValue,
    ) -> Result<Answer<T>, Failure> {
        let request = self.agent.post(self.url(path)).header("authorization", &self.authorization);
        self.read(request.header("idempotency-key", key).send_json(body))
    }

    /// `PATCH path` with a JSON body.
    pub(super) fn change<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let request = self.agent.patch(self.url(path)).header("authorization", &self.authorization);
        self.read(request.send_json(body))
    }

    /// `PUT path` with a JSON body.
    pub(super) fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let request = self.agent.put(self.url(path)).header("authorization", &self.authorization);
        self.read(request.send_json(body))
    }

    /// `DELETE path`, which answers that there is nothing more to say.
    pub(super) fn remove(&self, path: &str) -> Result<(), Failure> {
        let request = self.agent.delete(self.url(path)).header("authorization", &self.authorization);
        self.open(request.call()).map(|_| ())
    }

    /// `DELETE path`.
    pub(super) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Failure> {
        let request = self.agent.delete(self.url(path)).header("authorization", &self.authorization);
        self.read(request.call())
    }

    pub(super) fn authorization(&self) -> &str {
        &self.authorization
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        outcome: Result<Response<Body>, ureq::Error>,
    ) -> Result<Answer<T>, Failure> {
        let text = self.open(outcome)?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Answer { text, value }),
            Err(error) => Err(self.unknown(&error)),
        }
    }

    /// The same answer, read as something narrower.
    pub(super) fn told<T: DeserializeOwned>(&self, answer: Answer<Value>) -> Result<Answer<T>, Failure> {
        match serde_json::from_value(answer.value) {
            Ok(value) => Ok(Answer { text: answer.text, value }),
            Err(error) => Err(self.unknown(&error)),
        }
    }

    /// The body of a success.
    fn open(&self, outcome: Result<Response<Body>, ureq::Error>) -> Result<String, Failure> {
        let mut response = outcome.map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        let pause = pause(&response);
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_LIMIT)
            .read_to_string()
            .map_err(|error| self.no_answer(&error))?;
        if status.is_success() { Ok(text) } else { Err(self.refusal(status, pause, &text)) }
    }

    fn field<T: DeserializeOwned>(
        &self,
        fields: &BTreeMap<String, Box<RawValue>>,
        name: &str,
    ) -> Result<T, Failure> {
        let text = fields.get(name).map_or("null", |value| value.get());
        serde_json::from_str(text).map_err(|error| self.unknown(&error))
    }

    fn unknown(&self, error: &serde_json::Error) -> Failure {
        Failure::new(
            Kind::Refused,
            format!("the answer of {} is not what this program knows: {error}", self.base),
            "are the gateway and this program of the same version?",
        )
    }

    fn no_answer(&self, error: &ureq::Error) -> Failure {
        let message = match error {
            ureq::Error::BodyExceedsLimit(limit) => {
                return Failure::new(
                    Kind::Refused,
                    format!("the answer of {} is larger than {limit} bytes", self.base),
                    "is this the address of an OTA gateway?",
                );
            }
            ureq::Error::Timeout(_) => format!("no answer from {} in time: {error}", self.base),
            _ => format!("cannot reach {}: {error}", self.base),
        };
        Failure::new(
            Kind::Unreachable,
            message,
            "is the gateway running there? `ota up` starts one, OTA_URL or --url says where it is",
        )
        .passing(Duration::ZERO)
    }

    /// What the server said against the call, in its own words where it has some.
    fn refusal(&self, status: StatusCode, pause: Duration, text: &str) -> Failure {
        let failure = match serde_json::from_str::<Refusal>(text) {
            Ok(Refusal { error }) => Failure::new(
                Kind::Refused,
                format!("{} ({status})", printable(&error.message)),
                error.hint.map_or_else(|| advice(status).to_owned(), |hint| printable(&in_commands(&hint))),
            )
            .coded(error.code),
            Err(_) => Failure::new(
                Kind::Refused,
                format!("{} answered {status} and no reason", self.base),
                advice(status),
            ),
        };
        if may_pass(status) { failure.passing(pause) } else { failure }
    }
}

/// An agent for calls of `host`.
pub(super) fn agent(host: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_WITHIN))
        .timeout_per_write(Some(STALLED_AFTER))
        .timeout_recv_response(Some(ANSWER_WITHIN));
    if is_loopback(host) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// Whether a refusal is of the moment, so that the same call may be granted later.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502..=504)
}

/// How long the server asks to be left alone.
pub(super) fn pause(response: &Response<Body>) -> Duration {
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

/// What helps where the server itself has no hint.
fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "is OTA_TOKEN the operator token of this gateway?",
        404 => "is the name right, and is this the address of an OTA gateway?",
        409 => "what is there stays as it is: choose another name, or go on with what is there",
        413 => "a gateway with another store may take it",
        429 | 502..=504 => "the gateway or a store behind it is not well; try again",
        500.. => "the log of the gateway says more",
        _ => "`--help` after the command says what it takes",
    }
}

/// The body of every answer that is not a success.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalText,
}

#[derive(Deserialize)]
struct RefusalText {
    code: Option<String>,
    message: String,
    hint: Option<String>,
}

/// One segment of a path: everything but unreserved characters percent-encoded (RFC 3986 §2.3).
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&hex::encode_upper([byte]));
        }
        path
    })
}

pub(super) fn host_of(base: &str) -> Option<String> {
    let uri: Uri = base.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    uri.host().filter(|host| is_http && !host.is_empty()).map(str::to_owned)
}

/// Whether calls to `host` stay on this machine, where no proxy belongs between.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_cannot_leave_its_path_segment() {
        assert_eq!(segment("2.0/../x?y=1#z %"), "2.0%2F..%2Fx%3Fy%3D1%23z%20%25");
        assert_eq!(segment("größe"), "gr%C3%B6%C3%9Fe");
        assert_eq!(segment("pk:1@site_a"), "pk:1@site_a");
    }

    #[test]
    fn an_address_needs_scheme_and_host() {
        for wrong in ["", "127.0.0.1:3000", "ftp://host", "http://", "http:// x"] {
            assert!(Client::new(wrong, Some("t")).is_err(), "{wrong}");
        }
        for right in ["http://127.0.0.1:3000", "https://ota.example/base/", "http://[::1]:80"] {
            assert!(Client::new(right, Some("t")).is_ok(), "{right}");
        }
    }

    #[test]
    fn an_answer_becomes_one_line() {
        let answer = Answer { text: "{\n  \"a\": \"x\\ny\"\r\n}\n".to_owned(), value: () };
        assert_eq!(answer.line(), "{   \"a\": \"x\\ny\"  }");
    }
}
