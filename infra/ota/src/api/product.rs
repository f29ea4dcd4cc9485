//! `/api/v1/products`.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use ota_protocol::key::ProductKey;

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// A product and what is registered under it.
#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    #[serde(rename = "product")]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) devices: u64,
    #[serde(default)]
    pub(crate) firmware: u64,
    #[serde(default)]
    pub(crate) unknown_versions: Option<UnknownVersions>,
    /// The public keys that its firmware may be signed under, in hex.
    #[serde(default)]
    pub(crate) signing_keys: Vec<String>,
    #[serde(default)]
    pub(crate) requires_signature: bool,
    /// Whether its devices use the vendor's Java SDK, which takes no firmware larger than 2 147 483 647 bytes.
    #[serde(default)]
    pub(crate) java_sdk: bool,
}

/// What jobs do with devices whose version is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnknownVersions {
    /// They count as older than every firmware.
    Older,
    /// They get nothing.
    Refuse,
}

impl UnknownVersions {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Refuse => "refuse",
        }
    }
}

/// All products.
#[derive(Debug, Deserialize)]
pub(crate) struct Products {
    pub(crate) products: Vec<Product>,
}

/// What may be set of a product; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ProductSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_versions: Option<UnknownVersions>,
    /// In hex; all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requires_signature: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) java_sdk: Option<bool>,
}

impl ProductSettings {
    /// Whether `product` has all of them.
    pub(crate) fn are_of(&self, product: &Product) -> bool {
        let sorted = |keys: &[String]| keys.iter().cloned().collect::<BTreeSet<_>>();
        self.unknown_versions.is_none_or(|unknown| product.unknown_versions == Some(unknown))
            && self.signing_keys.as_ref().is_none_or(|keys| sorted(keys) == sorted(&product.signing_keys))
            && self.requires_signature.is_none_or(|required| product.requires_signature == required)
            && self.java_sdk.is_none_or(|java| product.java_sdk == java)
    }
}

#[derive(Serialize)]
struct NewProduct<'a> {
    product: &'a str,
    #[serde(flatten)]
    settings: &'a ProductSettings,
}

impl Client {
    pub(crate) fn products(&self) -> Result<Answer<Products>, Failure> {
        self.fetch("/api/v1/products")
    }

    /// Registers a product; one that is there already is no error, and stays as it is.
    pub(crate) fn add_product(
        &self,
        product: &ProductKey,
        settings: &ProductSettings,
    ) -> Result<Answer<Product>, Failure> {
        self.send("/api/v1/products", &NewProduct { product: product.as_str(), settings })
    }

    pub(crate) fn set_product(
        &self,
        product: &ProductKey,
        settings: &ProductSettings,
    ) -> Result<Answer<Product>, Failure> {
        self.change(&format!("/api/v1/products/{}", segment(product.as_str())), settings)
    }
}
