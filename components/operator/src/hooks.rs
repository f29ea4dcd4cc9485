//! Hooks: where operators' systems are told of what happened to jobs, and how well that arrives.

use http::StatusCode;
use ota_ledger::hook::{HookNotCreated, HookRecord, Kind, NewHook};
use ota_platform::crypt::Owner;
use ota_platform::hook::{self, BadUrl, NotDelivered, Outgoing};
use ota_platform::{Failure, Gateway, Refusal, Request, Response, ids, response};
use ota_protocol::hook::SHORTEST_SECRET;
use ota_protocol::key::ProductKey;
use ota_protocol::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::devices::unknown_product;
use crate::params;
use crate::route::product_key;

/// The longest secret that a hook may have, in bytes.
const LONGEST_SECRET: usize = 128;

pub(crate) fn list(gateway: &Gateway<'_>) -> Result<Response, Failure> {
    let hooks = gateway.decide(|ledger| Ok(ledger.hooks()?))?;
    let shown: Vec<Value> = hooks.iter().map(shown).collect();
    Ok(response::json(StatusCode::OK, &json!({ "hooks": shown })))
}

/// A hook as operators write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    secret: Option<String>,
    product: Option<String>,
    kinds: Option<Vec<String>>,
}

pub(crate) fn create(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let wanted: Wanted = params::body(request)?;
    hook::target(gateway, &wanted.url).map_err(|error| not_a_target(error, &wanted.url))?;
    let product = wanted.product.as_deref().map(product_key).transpose()?;
    let kinds = wanted.kinds.as_deref().map_or(Ok(Kind::ALL.to_vec()), kinds)?;
    let secret = match wanted.secret {
        Some(secret) => Secret::new(checked(secret)?),
        None => ids::device_secret(gateway.random),
    };
    // Named before it is created: what is tried again creates no second one.
    let id = gateway.decide(|ledger| Ok(ledger.new_hook_id()))?;
    let sealed = gateway.secret_keys()?.seal(gateway.random, Owner::Hook(&id), &secret)?;
    let new = NewHook { id, url: wanted.url, secret: sealed, product, kinds };
    let created = gateway.decide(|ledger| match ledger.create_hook(&new) {
        Err(HookNotCreated::Ledger(error)) => Err(error.into()),
        Err(HookNotCreated::NoProduct(product)) => Err(unknown_product(&product).into()),
        Err(why @ HookNotCreated::TooMany) => Err(Refusal::unprocessable("too_many_hooks", why.to_string())
            .with_hint("remove one with DELETE /api/v1/hooks/{hook}")
            .into()),
        Ok(record) => Ok(record),
    })?;
    let mut shown = shown(&created);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("secret".to_owned(), secret.expose().into());
    }
    Ok(response::json(StatusCode::CREATED, &shown))
}

pub(crate) fn remove(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    if gateway.decide(|ledger| Ok(ledger.remove_hook(id)?))? {
        Ok(response::json(StatusCode::OK, &json!({ "hook": id, "removed": true })))
    } else {
        Err(unknown(id).into())
    }
}

/// Sends a message of kind `test` at once, and says what the receiver answered. A receiver that takes it gets what
/// waits for it with the next sweep.
pub(crate) fn test(gateway: &Gateway<'_>, id: &str) -> Result<Response, Failure> {
    let record = gateway.decide(|ledger| Ok(ledger.hook(id)?))?.ok_or_else(|| unknown(id))?;
    let secret = gateway.secret_keys()?.open(Owner::Hook(id), &record.secret)?;
    let body = json!({
        "kind": "test",
        "event": null,
        "at": record.now,
        "product": record.product.as_ref().map(ProductKey::as_str),
        "job": null,
        "device": null,
        "detail": "an operator tests this hook",
    });
    let outgoing = Outgoing {
        url: &record.url,
        secret: &secret,
        delivery: &format!("{id}.test-{}", ids::new_id(gateway.random)),
        now: record.now,
        body: &body,
    };
    match hook::send(gateway, &outgoing) {
        Ok(status) => {
            gateway.decide(|ledger| Ok(ledger.hook_answers(id)?))?;
            Ok(response::json(StatusCode::OK, &json!({ "hook": id, "status": status.as_u16() })))
        }
        Err(NotDelivered::Closed(closed)) => Err(closed.into()),
        Err(error) => Err(Refusal::unprocessable("not_delivered", error.to_string())
            .with_hint(format!("is the receiver running at {}, and does it answer 2xx?", record.url))
            .into()),
    }
}

fn not_a_target(error: NotDelivered, url: &str) -> Failure {
    match error {
        NotDelivered::Closed(closed) => closed.into(),
        NotDelivered::Elsewhere(BadUrl::Elsewhere(host)) => {
            Refusal::bad_request(BadUrl::Elsewhere(host.clone()).to_string())
                .with_hint(format!("let the url begin with {host}, or set hook_host to another host"))
                .into()
        }
        _ => {
            let start: String = url.chars().take(80).collect();
            Refusal::bad_request(format!("{}: {start:?}", BadUrl::Malformed)).into()
        }
    }
}

fn kinds(words: &[String]) -> Result<Vec<Kind>, Refusal> {
    let all = Kind::ALL.map(Kind::as_str).join(", ");
    if words.is_empty() || words.len() > Kind::ALL.len() {
        let (count, most) = (words.len(), Kind::ALL.len());
        return Err(Refusal::bad_request(format!(
            "kinds has {count} entries, must have 1 to {most} of {all}"
        )));
    }
    let mut kinds = words
        .iter()
        .map(|word| {
            let start: String = word.chars().take(80).collect();
            Kind::parse(word)
                .ok_or_else(|| Refusal::bad_request(format!("kinds has {start:?}, must be of {all}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn checked(secret: String) -> Result<String, Refusal> {
    let count = secret.len();
    if !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&count) {
        let message = format!("secret has {count} bytes, must have {SHORTEST_SECRET} to {LONGEST_SECRET}");
        return Err(Refusal::bad_request(message));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::bad_request("secret has a character that is not printable ASCII"));
    }
    Ok(secret)
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("there is no hook {id}")).with_hint("GET /api/v1/hooks lists them")
}

/// A hook as operators see it, without its secret. Times are milliseconds since 1970.
fn shown(record: &HookRecord) -> Value {
    json!({
        "hook": record.hook,
        "url": record.url,
        "product": record.product.as_ref().map(ProductKey::as_str),
        "kinds": record.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "pending": record.pending,
        "delivered": record.delivered,
        "delivered_at": record.delivered_at,
        "given_up": record.given_up,
        "failing_since": record.failing_since,
        "last_error": record.last_error,
        "created_at": record.created_at,
    })
}
