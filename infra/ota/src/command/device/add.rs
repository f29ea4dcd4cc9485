//! `ota device add`.

use std::fmt;

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::Output;

/// Registers a device.
#[derive(Args)]
pub(crate) struct Add {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key: 1 to 64 of A-Z a-z 0-9 . _ : @ -
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
    /// The secret the device has already; made by the gateway if absent
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

impl Add {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let added = client.add_device(&self.product, &self.device, self.secret.as_deref())?;
        let device = &added.value;
        output.result(&added.line(), || {
            format!(
                "device  {}/{}\nsecret  {}  (shown only now)",
                device.product, device.device, device.secret
            )
        })
    }
}

/// Without the secret.
impl fmt::Debug for Add {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Add({}/{})", self.product, self.device)
    }
}
