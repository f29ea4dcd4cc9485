//! `ota device replace`.

use std::fmt;

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Gives a device's key to new hardware: what the old had to do is canceled, its secret no longer works.
#[derive(Args)]
pub(crate) struct Replace {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
    /// The secret the new hardware has already; made by the gateway if absent
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

impl Replace {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let replaced = client.replace_device(&self.product, &self.device, self.secret.as_deref())?;
        let device = &replaced.value;
        output.result(&replaced.line(), || {
            let generation =
                device.generation.map_or_else(String::new, |number| format!(" generation {number}"));
            format!(
                "device  {}/{}{generation}\nsecret  {}  (shown only now)",
                device.product, device.device, device.secret
            )
        })
    }
}

/// Without the secret.
impl fmt::Debug for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replace({}/{})", self.product, self.device)
    }
}
