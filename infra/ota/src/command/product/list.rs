//! `ota product list`.

use super::settings::signatures;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table};

pub(super) fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let products = client.products()?;
    let mut table = Table::new(&["PRODUCT", "DEVICES", "FIRMWARE", "UNKNOWN VERSIONS", "SIGNATURES"]);
    for product in &products.value.products {
        table.row([
            product.key.clone(),
            product.devices.to_string(),
            product.firmware.to_string(),
            product.unknown_versions.map(|policy| policy.as_str().to_owned()).unwrap_or_default(),
            signatures(product),
        ]);
    }
    table.print(output, &products.line(), "no products yet; `ota product add PK` makes one")
}
