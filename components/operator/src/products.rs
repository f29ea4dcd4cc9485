//! Products.

use http::StatusCode;
use ota_ledger::registry::{ProductSummary, Registered};
use ota_platform::{Failure, Gateway, Request, Response, response};
use ota_protocol::key::ProductKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::devices::unknown_product;
use crate::params;
use crate::route::product_key;

pub(crate) fn list(gateway: &Gateway<'_>) -> Result<Response, Failure> {
    let products = gateway.decide(|ledger| Ok(ledger.products()?))?;
    let products: Vec<Value> = products.iter().map(shown).collect();
    Ok(response::json(StatusCode::OK, &json!({ "products": products })))
}

pub(crate) fn show(gateway: &Gateway<'_>, product: &ProductKey) -> Result<Response, Failure> {
    let summary = gateway.decide(|ledger| Ok(ledger.product(product)?))?;
    let summary = summary.ok_or_else(|| unknown_product(product))?;
    Ok(response::json(StatusCode::OK, &shown(&summary)))
}

/// What may be set anew of a product.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amendment {
    unknown_versions: UnknownVersions,
}

/// What a device counts as whose version is not registered.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum UnknownVersions {
    /// As older than every firmware.
    Older,
    /// As one that gets nothing.
    Refuse,
}

impl UnknownVersions {
    fn of(product: &ProductSummary) -> Self {
        if product.refuses_unknown { Self::Refuse } else { Self::Older }
    }
}

pub(crate) fn amend(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &ProductKey,
) -> Result<Response, Failure> {
    let Amendment { unknown_versions } = params::body(request)?;
    let refuses_unknown = matches!(unknown_versions, UnknownVersions::Refuse);
    let is_known = gateway.decide(|ledger| Ok(ledger.amend_product(product, refuses_unknown)?))?;
    if !is_known {
        return Err(unknown_product(product).into());
    }
    show(gateway, product)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProduct {
    product: String,
}

pub(crate) fn create(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let new: NewProduct = params::body(request)?;
    let product = product_key(&new.product)?;
    let status = match gateway.decide(|ledger| Ok(ledger.create_product(&product)?))? {
        Registered::Created => StatusCode::CREATED,
        Registered::Exists | Registered::NoProduct => StatusCode::OK,
    };
    Ok(response::json(status, &json!({ "product": product.as_str() })))
}

fn shown(summary: &ProductSummary) -> Value {
    json!({
        "product": summary.product.as_str(),
        "devices": summary.devices,
        "firmware": summary.firmware,
        "unknown_versions": UnknownVersions::of(summary),
    })
}
