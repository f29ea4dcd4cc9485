//! `/api/v1/products`.

use serde::{Deserialize, Serialize};

use ota_protocol::key::ProductKey;

use super::client::{Answer, Client};
use crate::failure::Failure;

/// A product and what is registered under it.
#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    #[serde(rename = "product")]
    pub(crate) key: String,
    pub(crate) devices: u64,
    pub(crate) firmware: u64,
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

impl Client {
    pub(crate) fn products(&self) -> Result<Answer<Products>, Failure> {
        self.fetch("/api/v1/products")
    }

    /// Registers a product; one that is there already is no error.
    pub(crate) fn add_product(&self, product: &ProductKey) -> Result<Answer<Added>, Failure> {
        self.send("/api/v1/products", &NewProduct { product: product.as_str() })
    }
}
