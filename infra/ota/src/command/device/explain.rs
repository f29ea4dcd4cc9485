//! `ota device explain`.

use clap::Args;
use ota_protocol::key::{DeviceKey, ProductKey};

use crate::api::Client;
use crate::command::job::explained;
use crate::failure::Failure;
use crate::present::Output;

/// Says why a device gets what it gets, job by job.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    /// Device key
    #[arg(value_name = "DK", value_parser = DeviceKey::parse)]
    device: DeviceKey,
}

impl Explain {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let explanation = client.explain(&self.product, &self.device)?;
        output.result(&explanation.line(), || explained(&explanation.value))
    }
}
