//! Devices.

use http::StatusCode;
use ota_ledger::record::DeviceRecord;
use ota_ledger::registry::Registered;
use ota_platform::{Failure, Gateway, Refusal, Request, Response, ids, response};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::jobs;
use crate::params;

/// The longest secret that a device may have, in bytes.
const LONGEST_SECRET: usize = 128;

pub(crate) fn list(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &ProductKey,
) -> Result<Response, Failure> {
    let (after, limit) = (params::after(request)?, params::limit(request)?);
    let devices = gateway.decide(|ledger| {
        if !ledger.has_product(product)? {
            return Err(unknown_product(product).into());
        }
        Ok(ledger.devices(product, &after, limit)?)
    })?;
    let is_full = i64::try_from(devices.len()).is_ok_and(|count| count == limit);
    let next = devices.last().filter(|_| is_full).map(|device| device.id.device.as_str());
    let shown: Vec<Value> = devices.iter().map(shown).collect();
    Ok(response::json(StatusCode::OK, &json!({ "devices": shown, "next": next })))
}

pub(crate) fn show(gateway: &Gateway<'_>, id: &DeviceId) -> Result<Response, Failure> {
    let (device, tasks) = gateway.decide(|ledger| {
        let Some((device, ..)) = ledger.device(id)? else {
            return Err(Refusal::not_found(format!("device {id} is not registered")).into());
        };
        Ok((device, ledger.tasks_of(id)?))
    })?;
    let mut shown = shown(&device);
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
    let device = DeviceKey::parse(&new.device)
        .map_err(|error| Refusal::bad_request(format!("device {:?}: {error}", new.device)))?;
    let id = DeviceId { product, device };
    let secret = match new.secret {
        Some(secret) => Secret::new(checked(secret)?),
        None => ids::device_secret(gateway.random),
    };
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

fn shown(device: &DeviceRecord) -> Value {
    json!({
        "product": device.id.product.as_str(),
        "device": device.id.device.as_str(),
        "version": device.version.as_ref().map(ota_protocol::version::Version::as_str),
        "connected": device.is_connected,
        "heard_at": (device.heard_at > 0).then_some(device.heard_at),
        "generation": device.generation,
    })
}
