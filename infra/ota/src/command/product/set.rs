//! `ota product set`.

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::{Client, UnknownVersions};
use crate::failure::Failure;
use crate::present::Output;

/// Changes the settings of a product.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// What jobs do with devices whose version is not registered
    #[arg(long, value_enum)]
    unknown_versions: UnknownVersions,
}

impl Set {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let answer = client.set_product(&self.product, self.unknown_versions)?;
        output.result(&answer.line(), || {
            let product = &answer.value;
            let meaning = match product.unknown_versions {
                UnknownVersions::Older => "count as older than every firmware",
                UnknownVersions::Refuse => "get nothing",
            };
            format!("product {}: devices with unknown versions {meaning}", product.key)
        })
    }
}
