//! Products.

use http::StatusCode;
use ota_ledger::registry::{ProductSummary, ProductTerms, Registered};
use ota_platform::{Failure, Gateway, Refusal, Request, Response, response};
use ota_protocol::key::ProductKey;
use ota_protocol::release::{MOST_KEYS, ReleaseKey};
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

/// What may be set of a product; what is absent stays as it is.
#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amendment {
    unknown_versions: Option<UnknownVersions>,
    signing_keys: Option<Vec<String>>,
    requires_signature: Option<bool>,
    java_sdk: Option<bool>,
}

impl Amendment {
    /// The same with each key in its one spelling.
    fn checked(self) -> Result<Self, Refusal> {
        let Some(keys) = self.signing_keys else { return Ok(self) };
        if keys.len() > MOST_KEYS {
            return Err(Refusal::bad_request(format!("{} signing_keys, at most {MOST_KEYS}", keys.len())));
        }
        let parse = |text: &String| {
            ReleaseKey::parse(text).map(|key| key.to_hex()).map_err(|error| {
                Refusal::bad_request(format!("signing_keys: {}: {error}", params::quoted(text)))
            })
        };
        let mut parsed = keys.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        parsed.sort_unstable();
        parsed.dedup();
        Ok(Self { signing_keys: Some(parsed), ..self })
    }

    fn apply(&self, terms: &mut ProductTerms) {
        if let Some(unknown) = self.unknown_versions {
            terms.refuses_unknown = matches!(unknown, UnknownVersions::Refuse);
        }
        if let Some(keys) = &self.signing_keys {
            terms.signing_keys.clone_from(keys);
        }
        terms.requires_signature = self.requires_signature.unwrap_or(terms.requires_signature);
        terms.java_sdk = self.java_sdk.unwrap_or(terms.java_sdk);
    }
}

/// What a device counts as whose version is not registered.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum UnknownVersions {
    /// As older than every firmware.
    Older,
    /// As one that gets nothing.
    Refuse,
}

impl UnknownVersions {
    fn of(product: &ProductSummary) -> Self {
        if product.terms.refuses_unknown { Self::Refuse } else { Self::Older }
    }
}

pub(crate) fn amend(
    gateway: &Gateway<'_>,
    request: &Request,
    product: &ProductKey,
) -> Result<Response, Failure> {
    let amendment = params::body::<Amendment>(request)?.checked()?;
    if amendment == Amendment::default() {
        return Err(Refusal::bad_request("the body names nothing to set").into());
    }
    let is_known =
        gateway.decide(|ledger| Ok(ledger.amend_product(product, |terms| amendment.apply(terms))?))?;
    if !is_known {
        return Err(unknown_product(product).into());
    }
    show(gateway, product)
}

/// A product, and what is set of it from the first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProduct {
    product: String,
    unknown_versions: Option<UnknownVersions>,
    signing_keys: Option<Vec<String>>,
    requires_signature: Option<bool>,
    java_sdk: Option<bool>,
}

pub(crate) fn create(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    let new: NewProduct = params::body(request)?;
    let NewProduct { product, unknown_versions, signing_keys, requires_signature, java_sdk } = new;
    let product = product_key(&product)?;
    let set = Amendment { unknown_versions, signing_keys, requires_signature, java_sdk }.checked()?;
    let mut terms = ProductTerms::default();
    set.apply(&mut terms);
    let (status, summary) = gateway.decide(|ledger| {
        let status = match ledger.create_product(&product, &terms)? {
            Registered::Created => StatusCode::CREATED,
            Registered::Exists | Registered::NoProduct => StatusCode::OK,
        };
        let summary = ledger.product(&product)?.ok_or_else(|| unknown_product(&product))?;
        Ok((status, summary))
    })?;
    Ok(response::json(status, &shown(&summary)))
}

fn shown(summary: &ProductSummary) -> Value {
    json!({
        "product": summary.product.as_str(),
        "devices": summary.devices,
        "firmware": summary.firmware,
        "unknown_versions": UnknownVersions::of(summary),
        "signing_keys": summary.terms.signing_keys,
        "requires_signature": summary.terms.requires_signature,
        "java_sdk": summary.terms.java_sdk,
    })
}
