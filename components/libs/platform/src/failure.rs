//! How a request fails: a face for the caller, and a cause for the log. The only place that maps one to the other.

use http::StatusCode;
use http::header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use ota_image::ObjectsError;
use ota_image::kv::KvError;
use ota_ledger::sql::SqlError;
use serde::Serialize;

use crate::closed::Closed;
use crate::ports::OutboundError;
use crate::response::{self, Response};

/// Seconds after which a caller may try again what a store or a backend made fail.
const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request was not done.
///
/// What is nobody's fault outside is 503 with `Retry-After` and never 500, which brokers drop.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller may not have it, or asked for it wrongly.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A variable is not set: 403.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The ledger failed: 503.
    #[error(transparent)]
    Ledger(#[from] SqlError),
    /// The key-value store failed: 503.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// The object store failed: 503.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// A service beside us gave no answer, or one that it should not: 503.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// What we stored or configured ourselves is not usable: 503. The text is for the log.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// The answer, after the cause went to the log.
    pub fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            Self::Closed(closed) => Refusal::from(closed).into_response(),
            cause => {
                eprintln!("unavailable: {cause}");
                Refusal::unavailable("unavailable", "a store or a backend failed")
                    .with_hint("try again; the log of the component has the cause")
                    .into_response()
            }
        }
    }
}

/// A refusal that tells the caller why: `{"error":{"code","message","hint"}}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    /// A refusal; `code` is `snake_case` and stable, `message` for people and without secrets.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, header: None }
    }

    /// 400: the request is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401: no credentials came.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self {
            header: Some((WWW_AUTHENTICATE, "Bearer")),
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        }
    }

    /// 403: the credentials do not open this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405: `allowed` is the value of `Allow`.
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            header: Some((ALLOW, allowed)),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this takes {allowed}"))
        }
    }

    /// 409: it is already there, or in a state that forbids this.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 413: the body has more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than the limit of {limit} bytes"),
        )
    }

    /// 503 with `Retry-After`: it may come, and not now.
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            header: Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// The same, to come again after this many seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: &'static str) -> Self {
        self.header = Some((RETRY_AFTER, seconds));
        self
    }

    /// 422: well formed, and cannot be done.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What it is, for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer.
    pub fn into_response(self) -> Response {
        let face =
            Face { error: Error { code: self.code, message: &self.message, hint: self.hint.as_deref() } };
        let mut response = response::json(self.status, &face);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    }
}

#[derive(Serialize)]
struct Face<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl From<Closed> for Refusal {
    fn from(closed: Closed) -> Self {
        let variable = closed.variable;
        Self::new(StatusCode::FORBIDDEN, "closed", closed.to_string()).with_hint(format!(
            "set the variable {variable}, under spin: SPIN_VARIABLE_{}",
            variable.to_uppercase()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_store_is_503_and_its_cause_stays_inside() {
        for failure in [
            Failure::from(SqlError("disk i/o error at /secret".to_owned())),
            Failure::from(KvError("/secret".to_owned())),
            Failure::Broken("/secret".to_owned()),
        ] {
            let response = failure.into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "1");
            assert!(!String::from_utf8_lossy(response.body()).contains("secret"));
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let response =
            Failure::from(Closed { variable: "bridge_token", reason: "is not set" }).into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            String::from_utf8_lossy(response.body()),
            r#"{"error":{"code":"closed","message":"closed: variable bridge_token is not set","hint":"set the variable bridge_token, under spin: SPIN_VARIABLE_BRIDGE_TOKEN"}}"#
        );
    }

    #[test]
    fn missing_credentials_are_asked_for() {
        let response = Refusal::unauthorized("no token").into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
