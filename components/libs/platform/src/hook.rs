//! Messages to operators' systems: where they may go, what they say, and how they are signed.
//!
//! The manifest lets the gateway call one host for them, named by the variable `hook_host`: there is no fetching of
//! whatever URL somebody enters.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{StatusCode, Uri};
use ota_ledger::outbox::Delivery;
use ota_ledger::record::JobRecord;
use ota_protocol::hook::{DELIVERY_HEADER, HookKey, SIGNATURE_HEADER};
use ota_protocol::secret::Secret;
use serde_json::{Value, json};

use crate::closed::Closed;
use crate::gateway::{Gateway, HOOK_HOST};
use crate::ports::{OutboundError, StatusWithin};

/// The longest URL of a hook, in bytes.
pub const LONGEST_URL: usize = 2048;

/// How long a receiver may take to be connected to, and then to answer. Both together are less than the shortest wait
/// between two tries.
pub const RECEIVER_WITHIN: Duration = Duration::from_secs(2);

/// What stands in `hook_host` where no host is set: Spin takes no empty one.
const UNSET: &str = "https://unset.invalid";

/// One message, about to be sent.
#[derive(Debug)]
pub struct Outgoing<'m> {
    /// Where to.
    pub url: &'m str,
    /// What it is signed with.
    pub secret: &'m Secret,
    /// Its name: the same at each try.
    pub delivery: &'m str,
    /// The ledger's clock (ms).
    pub now: i64,
    /// What it says.
    pub body: &'m Value,
}

/// Why a receiver does not have a message.
#[derive(Debug, thiserror::Error)]
pub enum NotDelivered {
    /// No host is set.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The URL is not under the host that is set.
    #[error(transparent)]
    Elsewhere(#[from] BadUrl),
    /// The receiver answered something else than 2xx; redirects are not followed.
    #[error("the receiver answered {0}")]
    Refused(StatusCode),
    /// The receiver did not answer; what the host says of it.
    #[error("no answer from the receiver: {0}")]
    Silent(String),
    /// Its stored secret is of no use.
    #[error("the secret of the hook cannot be used")]
    Secret,
}

/// Why a URL is none for a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It cannot be called.
    #[error("url is no URL of 1 to {LONGEST_URL} characters without spaces, user and fragment")]
    Malformed,
    /// It is not under the allowed host.
    #[error("url is not under {0}, the one host that the variable {HOOK_HOST} lets hooks call")]
    Elsewhere(String),
}

/// Sends a message and waits for its receiver to take it, up to [`RECEIVER_WITHIN`] to connect and to answer each.
pub fn send(gateway: &Gateway<'_>, outgoing: &Outgoing<'_>) -> Result<StatusCode, NotDelivered> {
    let url = target(gateway, outgoing.url)?;
    let body = outgoing.body.to_string().into_bytes();
    let key = HookKey::new(outgoing.secret).map_err(|_| NotDelivered::Secret)?;
    let request = http::Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(SIGNATURE_HEADER, key.sign(outgoing.now.div_euclid(1000), &body))
        .header(DELIVERY_HEADER, outgoing.delivery)
        .extension(StatusWithin(RECEIVER_WITHIN))
        .body(body)
        .map_err(|_| BadUrl::Malformed)?;
    let answer = gateway.outbound.send(request).map_err(|error| silent(&error))?;
    let status = answer.status();
    if status.is_success() { Ok(status) } else { Err(NotDelivered::Refused(status)) }
}

/// The host's words, as far as they can be kept and shown.
fn silent(error: &OutboundError) -> NotDelivered {
    NotDelivered::Silent(error.0.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// The address that `url` is, if hooks may be there: it must begin with exactly what `hook_host` says.
pub fn target(gateway: &Gateway<'_>, url: &str) -> Result<Uri, NotDelivered> {
    let host = host(gateway)?;
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let uri: Uri = url.parse().map_err(|_| BadUrl::Malformed)?;
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_plain || has_user || url.len() > LONGEST_URL {
        return Err(BadUrl::Malformed.into());
    }
    match url.strip_prefix(host.as_str()) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?']) => Ok(uri),
        _ => Err(BadUrl::Elsewhere(host).into()),
    }
}

/// The one host that hooks may be on, without a slash at its end.
fn host(gateway: &Gateway<'_>) -> Result<String, Closed> {
    let host = gateway.required(HOOK_HOST)?;
    let host = host.trim_end_matches('/');
    if host == UNSET {
        return Err(Closed { variable: HOOK_HOST, reason: "is not set" });
    }
    let is_host = host.parse::<Uri>().is_ok_and(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.path() == "/" && uri.query().is_none() && !host.contains('@')
    });
    if is_host {
        Ok(host.to_owned())
    } else {
        Err(Closed { variable: HOOK_HOST, reason: "is not http(s)://host[:port]" })
    }
}

/// What a message says of an event. Times are milliseconds since 1970.
pub fn message(delivery: &Delivery) -> Value {
    let event = &delivery.event;
    json!({
        "kind": delivery.kind,
        "event": event.number,
        "at": event.at,
        "product": event.product,
        "job": delivery.job.as_ref().map(job),
        "device": event.device,
        "detail": event.detail,
    })
}

/// A job as a message shows it: as it is when the message is sent.
fn job(record: &JobRecord) -> Value {
    let counters = &record.counters;
    json!({
        "job": record.job,
        "to": record.to.as_str(),
        "mode": record.mode.as_str(),
        "state": record.state.as_str(),
        "held_because": record.held_because,
        "devices": record.devices,
        "waiting": counters.waiting,
        "in_flight": counters.in_flight,
        "succeeded": counters.succeeded,
        "failed": counters.failed,
        "timed_out": counters.timed_out,
        "canceled": counters.canceled,
        "skipped": counters.skipped,
        "exposed": counters.exposed,
        "lost": counters.exposed - counters.in_flight,
        "loss_budget": record.terms.budget.loss_budget,
        "bound": record.terms.budget.bound(counters.succeeded),
    })
}
