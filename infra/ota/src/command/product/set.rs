//! `ota product set`.

use clap::Args;
use ota_protocol::key::ProductKey;

use super::settings::{Settings, facts};
use crate::api::{Client, ProductSettings};
use crate::failure::{Failure, Kind};
use crate::present::Output;

/// Changes the settings of a product; those that are not named stay as they are.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Product key
    #[arg(value_name = "PK", value_parser = ProductKey::parse)]
    product: ProductKey,
    #[command(flatten)]
    settings: Settings,
}

impl Set {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let settings = self.settings.into_wire();
        if settings == ProductSettings::default() {
            return Err(Failure::new(
                Kind::Usage,
                "nothing is named that should be set",
                "`ota product set --help` lists the settings",
            ));
        }
        let answer = client.set_product(&self.product, &settings)?;
        output.result(&answer.line(), || facts(&answer.value))
    }
}
