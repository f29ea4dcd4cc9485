//! The ports that are the gateway's own: configuration, randomness, and HTTP to the outside.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a call to the outside may take to connect, to answer, and between two pieces of its answer.
pub const OUTBOUND_TIMEOUT: Duration = Duration::from_secs(5);

/// The configuration: variables by name, in `lower_snake_case`.
pub trait Variables {
    /// The value of `name`; unset and empty are both `None`.
    fn get(&self, name: &str) -> Option<String>;
}

/// For tests and native programs: a map from name to value.
impl Variables for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).filter(|value| !value.is_empty()).cloned()
    }
}

/// A source of randomness fit for keys and ids.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness; in WASM, the host's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "wasi:random has no error, and without randomness nothing may be sealed or named"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system gives randomness");
    }
}

/// The wall clock. It says how old a cache is and when to ask again; it decides nothing: the ledger's clock does.
pub trait Clock {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
}

/// The operating system's clock; in WASM, the host's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// HTTP to services beside us.
pub trait Outbound {
    /// Sends `request`, to an absolute URI, and waits for its answer, up to [`OUTBOUND_TIMEOUT`] at each stage.
    /// Redirects are not followed.
    fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError>;
}

/// How long each stage of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Within {
    /// To connect.
    pub connect: Duration,
    /// From there to the head of the answer, the sending of the request included.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub between_bytes: Duration,
}

impl Within {
    /// The same for each stage.
    pub const fn each(time: Duration) -> Self {
        Self { connect: time, first_byte: time, between_bytes: time }
    }

    /// For a request to an object store: to ask is quick; what brings megabytes, or lets them be put together, is not.
    pub fn of_objects(method: &http::Method) -> Self {
        // What is not deleted now is deleted later.
        if *method == http::Method::DELETE {
            return Self { connect: Duration::from_secs(1), ..Self::each(Duration::from_secs(2)) };
        }
        let is_question = matches!(*method, http::Method::GET | http::Method::HEAD);
        let first_byte = Duration::from_secs(if is_question { 10 } else { 60 });
        Self { connect: Duration::from_secs(5), first_byte, between_bytes: Duration::from_secs(30) }
    }
}

/// Among the extensions of a request to the outside: nothing but the status of its answer is wanted, and connecting
/// and answering may take this long each, instead of [`OUTBOUND_TIMEOUT`].
#[derive(Debug, Clone, Copy)]
pub struct StatusWithin(pub Duration);

/// No answer came. Its text is for the log; nothing decides by it.
#[derive(Debug, thiserror::Error)]
#[error("outbound request: {0}")]
pub struct OutboundError(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let variables = BTreeMap::from([("a".to_owned(), "x".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(Variables::get(&variables, "a").as_deref(), Some("x"));
        assert_eq!(Variables::get(&variables, "b"), None);
        assert_eq!(Variables::get(&variables, "c"), None);
    }

    #[test]
    fn the_system_gives_randomness() {
        let mut bytes = [0; 32];
        SystemRandom.fill(&mut bytes);
        assert_ne!(bytes, [0; 32]);
    }
}
