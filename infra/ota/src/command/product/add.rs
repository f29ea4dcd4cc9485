//! `ota product add`.

use clap::Args;
use ota_protocol::key::ProductKey;

use super::settings::{Settings, facts};
use crate::api::{Client, ProductSettings};
use crate::failure::Failure;
use crate::present::{Output, say};

/// Registers a product.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Product key: 1 to 64 of A-Z a-z 0-9 . _ : @ -
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    #[command(flatten)]
    settings: Settings,
}

impl Add {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let settings = self.settings.into_wire();
        let added = client.add_product(&self.product, &settings)?;
        if !settings.are_of(&added.value) {
            say(&format!(
                "product {} was there already, and its settings stay: `ota product set` changes them",
                self.product
            ));
        }
        output.result(&added.line(), || {
            if settings == ProductSettings::default() {
                return format!("product {}", added.value.key);
            }
            facts(&added.value)
        })
    }
}
