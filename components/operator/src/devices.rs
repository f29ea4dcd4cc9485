//! Devices.

use std::collections::BTreeSet;

use http::StatusCode;
use ota_ledger::catalogue::Catalogue;
use ota_ledger::record::DeviceRecord;
use ota_ledger::registry::Registered;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, ids, response};
use ota_protocol::key::{DeviceId, ProductKey};
use ota_protocol::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::jobs;
use crate::params::{self, quoted};

/// The longest secret that a device may have, in bytes.
const LONGEST_SECRET: usize = 128;
/// The most tags that a device has.
const MOST_TAGS: usize = 64;
/// The longest tag, in characters.
const LONGEST_TAG: usize = 64;

pub(crate) fn list(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &ProductKey,
) -> Result<Response, Failure> {
    let (after, limit) = (params::after(request)?, params::limit(request)?);
    let (devices, tags) = gateway.decide(|ledger| {
        if !ledger.has_product(product)? {
            return Err(unknown_product(product).into());
        }
        let devices = ledger.devices(product, &after, limit)?;
        let key =
            |device: Option<&DeviceRecord>| device.map_or("", |device| device.id.device.as_str()).to_owned();
        let (first, last) = (key(devices.first()), key(devices.last()));
        let tags = ledger.tags_between(product, &first, &last)?;
        Ok((devices, tags))
    })?;
    let is_full = i64::try_from(devices.len()).is_ok_and(|count| count == limit);
    let next = devices.last().filter(|_| is_full).map(|device| device.id.device.as_str());
    let of = |device: &DeviceRecord| -> Vec<&str> {
        let key = device.id.device.as_str();
        tags.iter().filter(|(device, _)| device == key).map(|(_, tag)| tag.as_str()).collect()
    };
    let shown: Vec<Value> = devices.iter().map(|device| shown(device, &of(device))).collect();
    Ok(response::json(StatusCode::OK, &json!({ "devices": shown, "next": next })))
}

pub(crate) fn show(gateway: &Gateway<'_>, id: &DeviceId) -> Result<Response, Failure> {
    let (device, tags, tasks) = gateway.decide(|ledger| {
        let Some((device, ..)) = ledger.device(id)? else { return Err(unknown(id).into()) };
        Ok((device, ledger.tags(id)?, ledger.tasks_of(id)?))
    })?;
    let mut shown = shown(&device, &tags);
    let tasks: Vec<Value> = tasks.iter().map(|assignment| jobs::task(&assignment.record)).collect();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("tasks".to_owned(), tasks.into());
    }
    Ok(response::json(StatusCode::OK, &shown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    device: String,
    secret: Option<String>,
}

pub(crate) fn create(
    gateway: &Gateway<'_>,
    request: &Request,
    product: ProductKey,
) -> Result<Response, Failure> {
    let new: NewDevice = params::body(request)?;
    let id = DeviceId { product, device: params::device_key(&new.device)? };
    let secret = secret_or_new(gateway, new.secret)?;
    let sealed = gateway.secret_keys()?.seal(gateway.random, &id, &secret)?;
    match gateway.decide(|ledger| Ok(ledger.create_device(&id, &sealed)?))? {
        Registered::Created => Ok(response::json(
            StatusCode::CREATED,
            &json!({ "product": id.product.as_str(), "device": id.device.as_str(), "secret": secret.expose() }),
        )),
        Registered::Exists => {
            Err(Refusal::conflict("device_exists", format!("device {id} is registered already")).into())
        }
        Registered::NoProduct => Err(unknown_product(&id.product).into()),
    }
}

/// What a request may say of new hardware.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    secret: Option<String>,
}

/// New hardware under the same key: a new generation with a secret of its own. Older grants are void.
pub(crate) fn replace(gateway: &Gateway<'_>, request: &Request, id: &DeviceId) -> Result<Response, Failure> {
    let Replacement { secret } = params::optional_body(request)?;
    let secret = secret_or_new(gateway, secret)?;
    let sealed = gateway.secret_keys()?.seal(gateway.random, id, &secret)?;
    // What is replaced is not replaced again because it could not be shown.
    if !gateway.decide(|ledger| Ok(ledger.replace_device(id, &sealed)?))? {
        return Err(unknown(id).into());
    }
    let (device, tags) = gateway.decide(|ledger| {
        let (device, ..) = ledger.device(id)?.ok_or_else(|| unknown(id))?;
        Ok((device, ledger.tags(id)?))
    })?;
    // Its tasks were canceled, which may have ended jobs.
    Catalogue::forget(&id.product, gateway.kv);
    let mut shown = shown(&device, &tags);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("secret".to_owned(), secret.expose().into());
    }
    Ok(response::json(StatusCode::OK, &shown))
}

pub(crate) fn delete(gateway: &Gateway<'_>, id: &DeviceId) -> Result<Response, Failure> {
    if !gateway.decide(|ledger| Ok(ledger.delete_device(id)?))? {
        return Err(unknown(id).into());
    }
    Catalogue::forget(&id.product, gateway.kv);
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// What a device is called besides its key, as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tags {
    tags: Vec<String>,
}

pub(crate) fn set_tags(gateway: &Gateway<'_>, request: &Request, id: &DeviceId) -> Result<Response, Failure> {
    let Tags { tags } = params::body(request)?;
    let count = tags.len();
    if count > MOST_TAGS {
        let message = format!("tags has {count} entries, must have at most {MOST_TAGS}");
        return Err(Refusal::bad_request(message).into());
    }
    let tags = tags.iter().map(|text| tag(text)).collect::<Result<BTreeSet<_>, _>>()?;
    let tags: Vec<String> = tags.into_iter().collect();
    if !gateway.decide(|ledger| Ok(ledger.set_tags(id, &tags)?))? {
        return Err(unknown(id).into());
    }
    Ok(response::json(StatusCode::OK, &json!({ "tags": tags })))
}

/// The tag that `text` is.
pub(crate) fn tag(text: &str) -> Result<String, Refusal> {
    let count = text.chars().count();
    if !(1..=LONGEST_TAG).contains(&count) {
        let message = format!("tag {} has {count} characters, must have 1 to {LONGEST_TAG}", quoted(text));
        return Err(Refusal::bad_request(message));
    }
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._:=/@-".contains(letter);
    match text.chars().find(|letter| !is_allowed(*letter)) {
        Some(letter) => Err(Refusal::bad_request(format!(
            "tag {} contains {letter:?}, must be of letters, digits and . _ : = / @ -",
            quoted(text)
        ))),
        None => Ok(text.to_owned()),
    }
}

fn secret_or_new(gateway: &Gateway<'_>, secret: Option<String>) -> Result<Secret, Refusal> {
    match secret {
        Some(secret) => checked(secret).map(Secret::new),
        None => Ok(ids::device_secret(gateway.random)),
    }
}

pub(crate) fn unknown(id: &DeviceId) -> Refusal {
    Refusal::not_found(format!("device {id} is not registered"))
        .with_hint("GET /api/v1/products/{product}/devices lists them")
}

pub(crate) fn unknown_product(product: &ProductKey) -> Refusal {
    Refusal::not_found(format!("product {product} is not registered"))
        .with_hint("register it with POST /api/v1/products")
}

/// Secrets go into a hash beside other text: any printable ASCII will do.
fn checked(secret: String) -> Result<String, Refusal> {
    let count = secret.len();
    if !(1..=LONGEST_SECRET).contains(&count) {
        let message = format!("secret has {count} bytes, must have 1 to {LONGEST_SECRET}");
        return Err(Refusal::bad_request(message));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::bad_request("secret has a character that is not printable ASCII"));
    }
    Ok(secret)
}

pub(crate) fn shown(device: &DeviceRecord, tags: &[impl AsRef<str>]) -> Value {
    let tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
    json!({
        "product": device.id.product.as_str(),
        "device": device.id.device.as_str(),
        "version": device.version.as_ref().map(ota_protocol::version::Version::as_str),
        "connected": device.is_connected,
        "heard_at": (device.heard_at > 0).then_some(device.heard_at),
        "generation": device.generation,
        "tags": tags,
    })
}
