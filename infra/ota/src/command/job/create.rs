//! `ota job create`.

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use super::show::facts;
use crate::api::{Client, Mode, NewJob};
use crate::failure::Failure;
use crate::present::{Output, say};

/// Creates a job. Without scope it takes every device of the product.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Product key
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// The version to move devices to; its firmware must be there
    #[arg(long, value_name = "V")]
    to: String,
    /// Only devices that run this version; may be repeated
    #[arg(conflicts_with = "devices", long, value_name = "V")]
    from: Vec<String>,
    /// Only these devices, separated by commas
    #[arg(long, value_name = "DK,…", value_delimiter = ',', value_parser = DeviceKey::parse)]
    devices: Vec<DeviceKey>,
    /// Whether the gateway tells the devices or they ask
    #[arg(long, value_enum, default_value = "push")]
    mode: Mode,
    /// The most devices that may be lost [default of the gateway: 10]
    #[arg(long, value_name = "N")]
    loss_budget: Option<u32>,
    /// How much that may grow, per thousand devices that came back [default of the gateway: 100]
    #[arg(long, value_name = "N")]
    growth: Option<u32>,
    /// The most devices at work at once [default of the gateway: 300]
    #[arg(long, value_name = "N")]
    max_in_flight: Option<u32>,
    /// How long a device may take to show that it was told, in seconds [default of the gateway: 300]
    #[arg(long, value_name = "S")]
    first_sign_within: Option<u32>,
    /// How long a device may take from then on, in seconds [default of the gateway: 7200]
    #[arg(long, value_name = "S")]
    upgrade_timeout: Option<u32>,
    /// How long the old version after a download may still turn into the new one, in seconds
    /// [default of the gateway: 60]
    #[arg(long, value_name = "S")]
    confirm_within: Option<u32>,
}

impl Create {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let created = client.create_job(&self.into())?;
        let id = &created.value.id;
        say(&format!("`ota job watch {id}` follows it"));
        output.result(&created.line(), || facts(&created.value))
    }
}

impl From<Create> for NewJob {
    fn from(asked: Create) -> Self {
        Self {
            product: asked.product.to_string(),
            to: asked.to,
            mode: Some(asked.mode),
            from: asked.from,
            devices: asked.devices.iter().map(ToString::to_string).collect(),
            loss_budget: asked.loss_budget,
            growth: asked.growth,
            max_in_flight: asked.max_in_flight,
            first_sign_within: asked.first_sign_within,
            upgrade_timeout: asked.upgrade_timeout,
            confirm_within: asked.confirm_within,
        }
    }
}
