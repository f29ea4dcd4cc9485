//! `ota product list`.

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table};

pub(super) fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let products = client.products()?;
    let mut table = Table::new(&["PRODUCT", "DEVICES", "FIRMWARE", "UNKNOWN VERSIONS"]);
    for product in &products.value.products {
        table.row([
            product.key.clone(),
            product.devices.to_string(),
            product.firmware.to_string(),
            product.unknown_versions.map(|policy| policy.as_str().to_owned()).unwrap_or_default(),
        ]);
    }
    table.print(output, &products.line(), "no products yet; `ota product add PK` makes one")
}
