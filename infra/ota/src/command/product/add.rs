//! `ota product add`.

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Registers a product.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Product key: 1 to 64 of A-Z a-z 0-9 . _ : @ -
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
}

impl Add {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let added = client.add_product(&self.product)?;
        output.result(&added.line(), || format!("product {}", added.value.product))
    }
}
