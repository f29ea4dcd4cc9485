//! Products.

use http::StatusCode;
use ota_ledger::registry::{ProductSummary, Registered};
use ota_platform::{Failure, Gateway, Request, Response, response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::params;
use crate::route::product_key;

pub(crate) fn list(gateway: &Gateway<'_>) -> Result<Response, Failure> {
    let products = gateway.decide(|ledger| Ok(ledger.products()?))?;
    let products: Vec<Value> = products.iter().map(shown).collect();
    Ok(response::json(StatusCode::OK, &json!({ "products": products })))
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
    })
}
