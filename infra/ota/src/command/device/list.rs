//! `ota device list`.

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::Client;
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::present::{Output, Table, ago};

/// Lists a product's devices.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
}

impl List {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let devices = client.devices(&self.product)?;
        let now = now_ms();
        let mut table = Table::new(&["DEVICE", "VERSION", "CONNECTED", "HEARD", "TAGS"]);
        for device in &devices.value {
            table.row([
                device.key.clone(),
                device.version.clone().unwrap_or_else(|| "unknown".to_owned()),
                if device.connected { "yes" } else { "no" }.to_owned(),
                device.heard_at().map_or_else(|| "never".to_owned(), |at| ago(at, now)),
                device.tags.join(", "),
            ]);
        }
        table.print(output, &devices.line(), "no devices yet; `ota device add PK DK` makes one")
    }
}
