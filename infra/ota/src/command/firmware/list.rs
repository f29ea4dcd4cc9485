//! `ota firmware list`.

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table, size};

/// Lists a product's firmware.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
}

impl List {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let list = client.firmware(&self.product)?;
        let mut table = Table::new(&["SEQUENCE", "VERSION", "SIZE", "TOLD AS", "SHA256", "DUTIES", "STATE"]);
        for firmware in &list.value.firmware {
            table.row([
                firmware.sequence.to_string(),
                firmware.version.clone(),
                size(firmware.size),
                firmware.sign_method.clone(),
                firmware.sha256.clone(),
                firmware.duties().unwrap_or_default(),
                if firmware.quarantined { "quarantined" } else { "good" }.to_owned(),
            ]);
        }
        table.print(output, &list.line(), "no firmware yet; `ota firmware push FILE …` adds one")
    }
}
