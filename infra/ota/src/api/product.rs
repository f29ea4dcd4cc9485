//! `/api/v1/products`.

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
    pub(crate) devices: u64,
    pub(crate) firmware: u64,
    #[serde(default)]
    pub(crate) unknown_versions: Option<UnknownVersions>,
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

/// What the server says to a new product: its key, whether it was there or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Added {
    pub(crate) product: String,
}

#[derive(Serialize)]
struct NewProduct<'a> {
    product: &'a str,
}

#[derive(Serialize)]
struct Settings {
    unknown_versions: UnknownVersions,
}

/// A product after its settings changed.
#[derive(Debug, Deserialize)]
pub(crate) struct SetProduct {
    #[serde(rename = "product")]
    pub(crate) key: String,
    pub(crate) unknown_versions: UnknownVersions,
}

impl Client {
    pub(crate) fn products(&self) -> Result<Answer<Products>, Failure> {
        self.fetch("/api/v1/products")
    }

    /// Registers a product; one that is there already is no error.
    pub(crate) fn add_product(&self, product: &ProductKey) -> Result<Answer<Added>, Failure> {
        self.send("/api/v1/products", &NewProduct { product: product.as_str() })
    }

    pub(crate) fn set_product(
        &self,
        product: &ProductKey,
        unknown_versions: UnknownVersions,
    ) -> Result<Answer<SetProduct>, Failure> {
        let path = format!("/api/v1/products/{}", segment(product.as_str()));
        self.change(&path, &Settings { unknown_versions })
    }
}
