//! `ota device delete`.

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};
use serde_json::json;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Takes a device away: it can no longer log in, and what it has to do is canceled.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
}

impl Delete {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let Self { product, device } = self;
        client.delete_device(&product, &device)?;
        let json = json!({ "product": product.as_str(), "device": device.as_str(), "deleted": true });
        output.result(&json.to_string(), || format!("deleted  {product}/{device}"))
    }
}
