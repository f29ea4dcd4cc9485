//! `ota device tag`.

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, printable};

/// Gives a device exactly these tags, which jobs can choose devices by.
#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
    /// All of its tags: up to 64, each 1 to 64 of A-Z a-z 0-9 . _ : = / @ -
    #[arg(value_name = "TAG", required_unless_present = "none")]
    tags: Vec<String>,
    /// Takes its tags away
    #[arg(long, conflicts_with = "tags")]
    none: bool,
}

impl Tag {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let answer = client.tag_device(&self.product, &self.device, self.tags)?;
        output.result(&answer.line(), || {
            let tags = &answer.value.tags;
            let tags = if tags.is_empty() { "none".to_owned() } else { printable(&tags.join(", ")) };
            format!("device  {}/{}\ntags    {tags}", self.product, self.device)
        })
    }
}
